/* The report of a month, on the phone and on a sheet of A4: printed by the browser, or shared as a text for the village's
   group. The billing period that ended in the month stands beside its paper bill.

   view(village, month), entered() */
import { html, nothing, svg } from "lit-html";
import { now } from "/app/clock.js";
import { clock, date, dayMonth, number } from "/app/format.js";
import { openSheet } from "/app/how-long.js";
import { icon } from "/app/icons.js";
import { redraw } from "/app/screen.js";
import { t } from "/app/words.js";
import { differences, said } from "/views/energy-bill.js";
import { against, begins, energy, monthOf, shift, spanOf, sum } from "/views/energy-figures.js";
import { counters } from "/views/home.js";
import { dong, kwhs, monthName, paid, partly, percent, than, trouble } from "/views/energy-words.js";

let copied = "";

export const entered = () => { copied = ""; };

/** Everything that is said of the month, or null while some of it is on its way; `error` says why. */
function gathered(village, month) {
  const start = begins(month, village.zone), end = begins(shift(month, 1), village.zone);
  const all = counters(village).map((meter) => {
    const billing = energy(village, meter, "billing", start, end);
    const found = monthOf(village, meter, month);
    const billed = billing.periods?.find((p) => p.from < end && p.to > start && p.to <= end && p.complete) ?? null;
    return { ...found, billed, ready: found.month !== null && found.days !== null && billing.periods !== null, error: found.error ?? billing.error };
  });
  return { all, ready: all.every((one) => one.ready), error: all.find((one) => !one.ready && one.error)?.error ?? null };
}

export function view(village, month) {
  const { all, ready, error } = gathered(village, month);
  if (!ready) return html`<h1>${t("report.title", { month: monthName(month) })}</h1>${trouble(error)}`;
  const running = all.some((one) => !one.month.complete);
  return html`<article class="report"><h1>${village.name}<small>${t("report.title", { month: monthName(month) })}</small></h1>
    <p class="why">${t("report.made", { time: today(village) })}${running ? ` · ${t("report.running")}` : ""}</p>
    ${all.length < 2 ? nothing : total(all)}
    ${all.map((one) => sheetOf(village, one))}
    <p class="note">${t("report.note")}</p></article>
    <div class="report-does"><button class="button main" @click=${() => share(village, month, all)}>${icon("share")} ${t("report.share")}</button>
      <button class="button" @click=${() => print()}>${icon("print")} ${t("report.print")}</button>
      <p role="status" aria-live="polite">${copied}</p></div>`;
}

const today = ({ zone }) => `${date(now(), zone)} ${clock(now(), zone)}`;
const row = (name, figure) => html`<tr><th scope="row">${name}</th><td>${figure}</td></tr>`;
const priced = (list) => list.filter((one) => one.meter.tariff);

function total(all) {
  const months = sum(all.map((one) => one.month)), before = all.every((one) => one.before) ? sum(all.map((one) => one.before)) : null;
  const cost = priced(all).length ? sum(priced(all).map((one) => one.month)) : null;
  return html`<section class="sum"><h2>${t("report.total")}</h2><table>
    ${row(t("report.energy"), kwhs(months.kwh))}
    ${cost === null ? nothing : html`${row(t("report.amount"), dong(cost.amount))}${row(t("report.vat"), dong(cost.vat))}`}
    ${before === null ? nothing : row(t("report.before"), kwhs(before.kwh))}</table></section>`;
}

function sheetOf(village, one) {
  const { meter, month, before, billed } = one, beside = against(one);
  const words = than(beside);
  return html`<section><h2>${meter.name}</h2><div class="meter-report"><table>
    ${row(t("report.energy"), html`${kwhs(month.kwh)}${month.estimated > 0 ? html`<br><small>${t("energy.estimated", { kwh: kwhs(month.estimated) })}</small>` : nothing}`)}
    ${row(t("report.amount"), paid(meter, month.amount))}
    ${month.vat === null ? nothing : row(t("report.vat-of", { percent: month.vat_percent === null ? "" : `${number(month.vat_percent, 1)}\u00a0%` }), dong(month.vat))}
    ${row(t("report.before"), kwhs(before?.kwh ?? null))}
    ${words === null ? nothing : row(beside.days === null ? t("report.against") : t("report.against-to", { n: beside.days }), words)}
    ${row(t("report.measured"), percent(month.measured))}
    ${billed === null ? nothing : bill(village, meter, billed)}</table>${picture(village, one)}</div></section>`;
}

function bill(village, meter, billed) {
  const words = differences(billed);
  return html`<tbody class="billed"><tr><th colspan="2" scope="rowgroup">${t("report.billed", { span: spanOf(billed, village.zone) })}</th></tr>
    ${row(t("report.counted"), `${kwhs(billed.kwh)}, ${paid(meter, billed.amount)}`)}
    ${row(t("report.bill"), billed.bill === null ? t("report.no-bill") : said(billed.bill))}
    ${words.length === 0 ? nothing : row(t("report.difference"), words.map((each) => html`${each}<br>`))}</tbody>`;
}

/* Bars that a printer draws sharply. What was estimated is pale, a day without a figure has a cross. The words stand
   above and below the picture's own room, which therefore has margins in the text's size. */
const WIDE = 320, HIGH = 100;

function picture(village, { meter, days }) {
  const known = days.filter((p) => p.kwh !== null).map((p) => p.kwh);
  const most = Math.max(0.001, ...known), each = WIDE / days.length;
  const bar = (n, kwh, below, kind) => svg`<rect class=${kind} x=${(n + 0.12) * each} y=${HIGH - ((below + kwh) / most) * HIGH} width=${each * 0.76} height=${(kwh / most) * HIGH}/>`;
  const word = (n, text, y, kind) => svg`<text class=${kind} x=${(n + 0.5) * each} y=${y} text-anchor=${n > days.length - 3 ? "end" : n === 0 ? "start" : "middle"}>${text}</text>`;
  const day = (p) => Number(dayMonth(p.from, village.zone).slice(0, 2));
  return html`<svg class="picture" viewBox=${`0 0 ${WIDE} ${HIGH}`} role="img" aria-label=${t("report.days", { name: meter.name, most: known.length ? kwhs(most) : t("unknown") })}>
    <line x1="0" x2=${WIDE} y1=${HIGH} y2=${HIGH}></line><line x1="0" x2=${WIDE} y1="0" y2="0"></line>
    ${known.length ? svg`<text class="most" x="0" y="-5">${kwhs(most)}</text>` : nothing}
    ${days.map((p, n) => svg`${day(p) === 1 || day(p) % 10 === 0 ? word(n, day(p), HIGH + 3, "day") : nothing}
      ${p.kwh === null ? (p.complete ? word(n, "×", HIGH - 3, "cross") : nothing)
        : svg`${bar(n, p.kwh - p.estimated, 0, "sure")}${p.estimated > 0 ? bar(n, p.estimated, p.kwh - p.estimated, "guess") : nothing}`}`)}</svg>`;
}

/** For a group chat: short lines, no table. */
export function text(village, month, all) {
  const lines = [`${village.name} – ${t("report.title", { month: monthName(month) })}`];
  if (all.some((one) => !one.month.complete)) lines.push(t("report.until", { time: today(village) }));
  const cost = priced(all).length ? dong(sum(priced(all).map((one) => one.month)).amount) : null;
  if (all.length > 1) lines.push(`${t("report.total")}: ${[kwhs(sum(all.map((one) => one.month)).kwh), cost].filter(Boolean).join(", ")}`);
  for (const one of all) {
    const words = than(against(one)), part = partly(one.month);
    lines.push(`• ${one.meter.name}: ${kwhs(one.month.kwh)}, ${paid(one.meter, one.month.amount)}${words === null ? "" : ` (${t("energy.than-before", { words })})`}${part === null ? "" : `, ${part}`}`);
  }
  for (const { meter, billed } of all) {
    if (!billed?.bill) continue;
    lines.push(`${t("report.bill-of", { name: meter.name, span: spanOf(billed, village.zone) })}: ${said(billed.bill)}`);
    lines.push(...differences(billed).map((words) => `  ${words}`));
  }
  return [...lines, t("report.taxed")].join("\n");
}

function say(words) {
  copied = words;
  redraw();
}

async function share(village, month, all) {
  const words = text(village, month, all);
  try {
    if (navigator.share) return await navigator.share({ text: words });
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(words);
      return say(t("report.copied"));
    }
  } catch (error) {
    if (error.name === "AbortError") return undefined; // the person thought better of it
  }
  return byHand(words);
}

/** Over plain http a browser neither shares nor copies by itself: the text, to be marked and copied. */
function byHand(words) {
  openSheet(t("report.share"), (draw, close) => {
    const copy = (event) => {
      event.target.closest(".inside").querySelector("textarea").select();
      if (!document.execCommand("copy")) return;
      close();
      say(t("report.copied"));
    };
    return html`<p>${t("report.by-hand")}</p><textarea class="shared" readonly rows="10" aria-label=${t("report.share")} .value=${words} @focus=${(event) => event.target.select()}></textarea>
      <button class="button main wide" @click=${copy}>${icon("log")} ${t("report.copy")}</button>`;
  });
}
