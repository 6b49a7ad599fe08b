/* Electricity: this month beside the one before, a bar for each day, each meter; and, below, a meter's own page and the
   report of a month. #/energy · #/energy/<meter> · #/energy/report/2026-10 */
import { html, nothing } from "lit-html";
import { chart } from "/app/chart.js";
import { icon } from "/app/icons.js";
import { address } from "/app/router.js";
import { redraw } from "/app/screen.js";
import { t } from "/app/words.js";
import { against, monthNow, monthOf, shift, sum } from "/views/energy-figures.js";
import * as bill from "/views/energy-bill.js";
import * as meterPage from "/views/energy-meter.js";
import * as report from "/views/energy-report.js";
import { counters, together } from "/views/home.js";
import { compared, dong, kwhs, measured, monthName, paid, stepper, than, trouble, watt } from "/views/energy-words.js";

export const catalogue = "energy";
export const stylesheet = "energy";
let shown = 0; // months back

export function entered() {
  meterPage.entered(shown);
  bill.entered();
  report.entered();
}

export function left() {
  shown = 0;
}

export function view({ village, path }) {
  if (path[0] === "report" && /^\d{4}-(0[1-9]|1[0-2])$/.test(path[1] ?? "")) return report.view(village, path[1]);
  if (path.length === 0) return overview(village);
  const meter = counters(village).find((m) => m.id === path[0]);
  return meter ? meterPage.view(village, meter) : html`<p class="message">${icon("unknown")} ${t("energy.no-meter")}</p>`;
}

function overview(village) {
  const all = counters(village);
  if (all.length === 0) return html`<h1>${t("energy")}</h1><p class="message">${t("energy.no-meters")}</p>`;
  const month = shift(monthNow(village), -shown);
  const found = all.map((meter) => monthOf(village, meter, month));
  const step = (by) => () => { shown += by; redraw(); };
  const inner = found.some((one) => one.month !== null) ? html`${total(found)}${bars(village, found, month)}` : trouble(found.find((one) => one.error)?.error ?? null);
  return html`<h1>${t("energy")}</h1>
    <p class="now">${icon("energy")} ${powerNow(village, all)}</p>
    ${stepper(monthName(month), { earlier: step(1), later: shown > 0 ? step(-1) : null }, inner)}
    <h2>${t("energy.meters")}</h2>
    <ul class="meters">${found.map((one) => card(village, one))}</ul>
    <p><a class="button main wide" href=${address("energy", "report", month)}>${icon("share")} ${t("energy.to-report", { month: monthName(month) })}</a></p>`;
}

function powerNow(village, all) {
  const { watts, known } = together(village, all);
  if (watts === null) return t("energy.now-unknown");
  const words = t("energy.now", { power: watt(watts) });
  return known < all.length ? `${words} (${t("power-of", { n: known, all: all.length })})` : words;
}

function total(found) {
  const counted = found.filter((one) => one.month !== null && one.month.kwh !== null);
  const whole = sum(counted.map((one) => one.month));
  const priced = counted.filter((one) => one.meter.tariff);
  const missing = (list) => found.filter((one) => !list.includes(one)).map((one) => one.meter.name).join(", ");
  const fair = counted.filter((one) => against(one)?.fair), beside = fair.map(against);
  const both = beside.length === 0 ? null : { now: sum(beside.map((one) => one.now)), then: sum(beside.map((one) => one.then)), days: beside[0].days, fair: true };
  return html`<div class="tile total">
    <p class="state"><span class="kwh">${kwhs(whole.kwh)}</span> · <span class="amount">${priced.length ? dong(sum(priced.map((one) => one.month)).amount) : t("energy.no-tariff")}</span></p>
    ${counted.length === found.length ? nothing : html`<p class="why">${t("energy.without", { names: missing(counted) })}</p>`}
    ${priced.length === 0 || priced.length === counted.length ? nothing : html`<p class="why">${t("energy.priced-without", { names: counted.filter((one) => !one.meter.tariff).map((one) => one.meter.name).join(", ") })}</p>`}
    ${compared(both)}
    ${both === null || fair.length === counted.length ? nothing : html`<p class="why">${t("energy.compared-without", { names: missing(fair) })}</p>`}
    ${counted.map((one) => measured(one.month, counted.length > 1 ? one.meter.name : ""))}</div>`;
}

/** Days of all meters together. A day that lacks one meter's figure has the others', and it is said. */
function bars(village, found, month) {
  const known = found.filter((one) => one.days !== null);
  if (known.length === 0) return nothing;
  const points = known[0].days.map((day, n) => {
    const there = known.map((one) => one.days[n]).filter((p) => p && p.kwh !== null);
    return there.length === 0 ? [day.from, null, 0] : [day.from, sum(there).kwh, sum(there).estimated];
  });
  const lacking = known.length < 2 ? [] : known.map(({ meter, days }) => ({ meter, n: days.filter((p) => p.complete && p.kwh === null).length })).filter(({ n }) => n > 0);
  return html`${chart(points, { kind: "bars", unit: "kWh", each: "day", zone: village.zone, label: t("energy.days-of", { month: monthName(month) }) })}
    ${lacking.map(({ meter, n }) => html`<p class="measured">${icon("info")}<span>${t("energy.days-lacking", { n, name: meter.name })}</span></p>`)}`;
}

function card(village, one) {
  const words = than(against(one));
  return html`<li><a class="tile" href=${address("energy", one.meter.id)} data-meter=${one.meter.id}>${icon("meter")}<h3>${one.meter.name}</h3>${icon("next")}
    <p class="state">${one.month === null ? t("unknown") : html`<span class="kwh">${kwhs(one.month.kwh)}</span> · <span class="amount">${paid(one.meter, one.month.amount)}</span>`}</p>
    ${words === null ? nothing : html`<p class="why">${t("energy.than-before", { words })}</p>`}
    ${measured(one.month)}
    <p class="why">${t("energy.now", { power: watt(village.figure(one.meter, "power_w")) })}</p></a></li>`;
}
