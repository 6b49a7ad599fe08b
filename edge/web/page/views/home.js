/* The first page: what needs attention, then lights, water, crops and energy, each switched with one tap. It is always
   there, so other pages take from it what they say alike:

   allButtons(village, lights)        all lights with one tap
   cropSensors(village)               sensors but those of water; figures(village, sensor, most) "27,5 °C · 80 %"
   counters(village)                  meters that count energy; together(village, meters) → {watts, known}: the power of
                                      those of which it is known, null if of none, and how many these are */
import { html, nothing } from "lit-html";
import { list as attention } from "/app/attention.js";
import { wanted } from "/app/asked.js";
import { sendAll } from "/app/commands.js";
import { now } from "/app/clock.js";
import { row } from "/app/controls.js";
import { dayStart, kwh, money, number, quantity } from "/app/format.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { isOn } from "/app/reasons.js";
import { address } from "/app/router.js";
import { stopButton } from "/app/stop-bar.js";
import { t } from "/app/words.js";

export function view({ village }) {
  return html`<h1 class="aside">${village.name}</h1>${attention(village)}${lights(village)}${water(village)}${crops(village)}${energy(village)}`;
}

function lights(village) {
  const all = village.of("light");
  if (all.length === 0) return nothing;
  const lit = all.filter(isOn).length;
  return html`<section aria-labelledby="lights-head"><h2 id="lights-head"><a href=${address("lights")}>${t("lights")}</a> <small>${t("lit-of", { n: lit, all: all.length })}</small></h2>
    ${all.map((light) => row(village, light, { more: powerNow(village, all, light) }))}
    ${shared(village, all)}
    ${allButtons(village, all)}
  </section>`;
}

export function allButtons(village, all) {
  if (all.length < 2) return nothing;
  const every = (action) => sendAll(village, all, { action }, t("all-lights"));
  return html`<div class="all" role="group" aria-label=${t("all-lights")}><span>${t("all-lights")}</span>
    <button class="button" ?disabled=${link.phase !== "up"} @click=${() => every("on")} aria-label=${t("all-on")}>${t("do.on")}</button>
    <button class="button" ?disabled=${link.phase !== "up"} @click=${() => every("off")} aria-label=${t("all-off")}>${t("do.off")}</button>
    <button class="button" ?disabled=${link.phase !== "up"} @click=${() => every("auto")} aria-label=${t("all-auto")}>${t("do.auto")}</button></div>`;
}

/** What a light draws now, where its meter feeds no other light. */
function powerNow(village, all, light) {
  if (light.meter === null || all.some((other) => other !== light && other.meter === light.meter)) return nothing;
  return html`<p class="figure">${icon("energy")} ${power(village, light.meter)}</p>`;
}

/** What lights draw together that share a meter. */
function shared(village, all) {
  const meters = new Map();
  for (const light of all) if (light.meter !== null) meters.set(light.meter, [...(meters.get(light.meter) ?? []), light.name]);
  return [...meters].filter(([, names]) => names.length > 1)
    .map(([meter, names]) => html`<p class="shared">${icon("energy")} ${names.join(" + ")}: <b>${power(village, meter)}</b></p>`);
}

function power(village, meter) {
  const device = village.device("meter", meter);
  return quantity(device ? village.figure(device, "power_w") : null, "W");
}

function water(village) {
  const valves = village.of("valve");
  if (valves.length === 0) return nothing;
  return html`<section aria-labelledby="water-head"><h2 id="water-head"><a href=${address("water")}>${t("water")}</a></h2>
    ${valves.map((valve) => row(village, valve, { more: moisture(village, valve) }))}
    ${stopButton(village)}
  </section>`;
}

function moisture(village, valve) {
  const probe = valve.soil && village.device("sensor", valve.soil);
  const share = probe ? village.figure(probe, "moisture_pct") : null;
  return share === null ? nothing : html`<p class="figure">${t("soil-now", { share: number(share) })}</p>`;
}

function crops(village) {
  const switches = village.of("switch"), sensors = cropSensors(village);
  if (switches.length + sensors.length === 0) return nothing;
  return html`<section aria-labelledby="crops-head"><h2 id="crops-head"><a href=${address("crops")}>${t("crops")}</a></h2>
    ${switches.map((one) => row(village, one))}
    <ul class="figures">${sensors.map((sensor) => html`<li><a href=${address("crops", sensor.id)}><b>${sensor.name}</b><span>${figures(village, sensor)}</span></a></li>`)}</ul>
  </section>`;
}

export const cropSensors = (village) => village.of("sensor").filter((sensor) => sensor.model !== "flow");

export function figures(village, sensor, most = 2) {
  if (village.silent(sensor)) return t("unknown");
  const shown = sensor.quantities.filter((q) => q.name in sensor.reading.values).slice(0, most);
  return shown.map((q) => quantity(sensor.reading.values[q.name], q.unit)).join(" · ");
}

export const counters = (village) => village.of("meter").filter((m) => m.quantities.some((q) => q.name === "energy_kwh"));

export function together(village, meters) {
  const known = meters.map((m) => village.figure(m, "power_w")).filter((p) => p !== null);
  return { watts: known.length ? known.reduce((a, b) => a + b, 0) : null, known: known.length };
}

function energy(village) {
  const meters = counters(village);
  if (meters.length === 0) return nothing;
  const { watts, known } = together(village, meters);
  const told = month(village, meters);
  return html`<section aria-labelledby="energy-head"><h2 id="energy-head"><a href=${address("energy")}>${t("energy")}</a></h2>
    <a class="tile" href=${address("energy")}>${icon("energy")}
      <p class="state">${quantity(watts, "W")}</p>
      <p class="why">${watts !== null && known < meters.length ? t("power-of", { n: known, all: meters.length }) : t("power-now")}</p>
      <p class="figure">${told === null ? "" : t(told.priced ? "month-so-far" : "month-so-far-kwh", { kwh: kwh(told.kwh), money: money(told.amount) })}</p></a>
  </section>`;
}

/** What all meters have counted this month, or null while that of one is unknown; the money of those with a tariff. */
function month(village, meters) {
  const day = new Date(dayStart(now(), village.zone));
  const span = { period: "month", from: day.toISOString(), to: new Date(day.getTime() + 86400000).toISOString() };
  const periods = meters.map((m) => wanted(village, "energy", { meter: m.id, ...span }).answer?.periods?.[0]);
  if (periods.length === 0 || periods.some((p) => typeof p?.kwh !== "number")) return null;
  const priced = periods.filter((_, n) => meters[n].tariff);
  const sum = (list, name) => (list.every((p) => typeof p[name] === "number") ? list.reduce((all, p) => all + p[name], 0) : null);
  return { kwh: sum(periods, "kwh"), amount: sum(priced, "amount"), priced: priced.length > 0 };
}
