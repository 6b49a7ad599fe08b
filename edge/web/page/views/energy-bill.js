/* The paper bills of a meter: each billing period, what was counted in it, what the paper says, and the difference.

   section(village, meter)  the last periods; a bill is entered, changed and taken back here
   typed(text, whole)       the figure that a person wrote, 1234567 or 1.234.567 or 512,5; null: none; NaN: it is no figure.
                            `whole`: money, where three digits behind a point are thousands for sure
   said(bill)               "512 kWh, 1.234.567 đ", of which one may be null
   differences(period)      ["Hóa đơn nhiều hơn 20,3 kWh (4,1 %)", …], of what is known */
import { html, nothing } from "lit-html";
import { stale } from "/app/asked.js";
import { ask } from "/app/asks.js";
import { now } from "/app/clock.js";
import { isoDay, number } from "/app/format.js";
import { openSheet } from "/app/how-long.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { redraw } from "/app/screen.js";
import { has, t } from "/app/words.js";
import { begins, energy, monthNow, paper, shift, spanOf } from "/views/energy-figures.js";
import { dong, kwhs, measured, paid, trouble } from "/views/energy-words.js";

const YEAR = 12;
const FEW = 3;
let all = false, last = null; // last: {key, phase, error; was, bill, before: the periods when it was put}

export const entered = () => { all = false; last = null; };

export function section(village, meter) {
  const zone = village.zone, month = monthNow(village);
  const { periods, error } = energy(village, meter, "billing", begins(shift(month, -YEAR), zone), begins(shift(month, 1), zone));
  if (periods === null) return html`<h2>${t("bill")}</h2>${trouble(error)}`;
  const shown = periods.filter((p) => p.from < now() && (p.kwh !== null || p.bill !== null)).reverse();
  return html`<h2>${t("bill")}</h2>
    <ul class="bills">${(all ? shown : shown.slice(0, FEW + 1)).map((p) => card(village, meter, asPut(meter, p, periods), periods))}</ul>
    ${all || shown.length <= FEW + 1 ? nothing : html`<button class="button wide" @click=${() => { all = true; redraw(); }}>${t("bill.all", { n: shown.length })}</button>`}`;
}

const key = (meter, period) => `${meter.id} ${period.from}`;

/** What the controller took stands there at once; the difference comes with the next answer. */
function asPut(meter, period, periods) {
  if (last?.key !== key(meter, period) || last.bill === undefined || last.before !== periods) return period;
  return { ...period, bill: last.bill, difference: null };
}

function card(village, meter, period, periods) {
  const put = (figures, phase) => store(village, meter, period, periods, figures, phase);
  const enter = () => sheet(village, meter, period, put);
  return html`<li class="tile" data-from=${isoDay(period.from, village.zone)}><h3>${spanOf(period, village.zone)}</h3>
    <p>${t("bill.counted", { kwh: kwhs(period.kwh), money: paid(meter, period.amount) })}</p>${measured(period)}
    ${period.bill === null ? nothing : html`<p>${t("bill.says", { what: said(period.bill) })}</p>`}
    ${differences(period).map((words) => html`<p class="state">${words}</p>`)}
    ${period.complete ? html`<button class="button" ?disabled=${link.phase !== "up"} @click=${enter}>${icon("edit")} ${t(period.bill === null ? "bill.enter" : "bill.change")}</button>` : html`<p class="why">${t("bill.running")}</p>`}
    <div class="answer ${last?.key === key(meter, period) && last.phase === "failed" ? "bad" : ""}" aria-live="polite">${last?.key === key(meter, period) ? outcome(put) : nothing}</div></li>`;
}

export const said = ({ kwh, amount }) => [kwh === null ? null : kwhs(kwh), amount === null ? null : dong(amount)].filter((x) => x !== null).join(", ");

export const differences = (period) => ["kwh", "amount"].map((kind) => difference(period, kind)).filter((words) => words !== null);

function difference({ difference: by, kwh, amount }, kind) {
  const more = by?.[kind] ?? null, counted = kind === "kwh" ? kwh : amount;
  if (more === null) return null;
  const figure = kind === "kwh" ? kwhs(Math.abs(more)) : dong(Math.abs(more));
  if (Math.abs(more) < (kind === "kwh" ? 0.05 : 0.5)) return t(`bill.equal.${kind}`);
  return t(more > 0 ? "bill.more" : "bill.less", { figure, share: counted > 0 ? ` (${number((Math.abs(more) / counted) * 100, 1)}\u00a0%)` : "" });
}

function outcome(put) {
  if (last.phase === "waiting") return html`<p>${icon("clock")} ${t("waiting")}</p>`;
  if (last.phase === "failed") {
    const words = `bill.error.${last.error.code}`;
    return html`<p>${icon("alarm")} ${t(has(words) ? words : "bill.error", { message: last.error.message })}</p>`;
  }
  return html`<p>${icon("ok")} ${t(last.phase === "undone" ? "bill.undone" : "bill.stored")}${last.lost ? ` ${t("bill.not-on-card")}` : ""}</p>
    ${last.phase === "undone" ? nothing : html`<button class="button" @click=${() => put(last.was, "undone")}>${icon("undo")} ${t("undo")}</button>`}`;
}

/** `figures`: {kwh, amount}, null where there is none. */
async function store(village, meter, period, before, figures, phase = "stored") {
  const mine = (last = { key: key(meter, period), phase: "waiting" });
  redraw();
  try {
    const answer = await ask(village, "bill-put", { meter: meter.id, from: isoDay(period.from, village.zone), ...figures }, 6);
    Object.assign(mine, { phase, before, bill: paper(answer.bill), was: { kwh: answer.was?.kwh ?? null, amount: answer.was?.amount ?? null }, lost: answer.stored === false });
    stale(village, "energy");
  } catch (error) {
    Object.assign(mine, { phase: "failed", error });
  }
  redraw();
}

const THOUSANDS = /^([1-9]\d{0,2}([.,])\d{3}(?:\2\d{3})*)(?:(?!\2)[.,](\d+))?$/;
const PLAIN = /^(\d+)()(?:[.,](\d+))?$/;

export function typed(text, whole) {
  const plain = text.toLowerCase().replace(/[\s_'’]|kwh|vnđ|vnd|đồng|đ|₫/g, "");
  if (plain === "") return null;
  const [, head, , tail = ""] = THOUSANDS.exec(plain) ?? PLAIN.exec(plain) ?? [];
  if (head === undefined || (whole && tail.length > 2)) return NaN;
  const figure = Number(`${head.replace(/[.,]/g, "")}.${tail}`);
  return whole ? Math.round(figure) : figure;
}

function sheet(village, meter, period, put) {
  const at = { kwh: period.bill?.kwh ?? null, amount: period.bill?.amount ?? null };
  const texts = { kwh: at.kwh === null ? "" : number(at.kwh, 2), amount: at.amount === null ? "" : number(at.amount) };
  openSheet(t("bill.of", { name: meter.name }), (draw, close) => {
    const found = () => ({ kwh: typed(texts.kwh, false), amount: typed(texts.amount, true) });
    const done = (figures) => { close(); put(figures); };
    const submit = (event) => {
      event.preventDefault();
      const figures = found();
      const wrong = ["kwh", "amount"].find((name) => Number.isNaN(figures[name])) ?? (figures.kwh === null && figures.amount === null ? "kwh" : undefined);
      if (wrong === undefined) done(figures);
      else event.target.elements[wrong].focus();
    };
    const field = (name, label, unit) => html`<label class="field">${label}
      <input name=${name} inputmode="decimal" autocomplete="off" .value=${texts[name]} aria-describedby=${`read-${name}`} aria-invalid=${Number.isNaN(found()[name])}
        @input=${(event) => { texts[name] = event.target.value; draw(); }}></label>
      <p class="read" id=${`read-${name}`} aria-live="polite">${readAs(found()[name], unit)}</p>`;
    return html`<form class="bill-form" @submit=${submit}><p>${spanOf(period, village.zone)}</p>
      <p class="why">${t("bill.counted", { kwh: kwhs(period.kwh), money: paid(meter, period.amount) })}</p>
      ${field("kwh", t("bill.kwh"), kwhs)}${field("amount", t("bill.amount"), dong)}
      <button class="button main wide">${icon("ok")} ${t("bill.store")}</button>
      ${period.bill === null ? nothing : html`<button type="button" class="button wide" @click=${() => done({ kwh: null, amount: null })}>${t("bill.remove")}</button>`}</form>`;
  });
}

const readAs = (figure, unit) => (figure === null ? "" : Number.isNaN(figure) ? html`${icon("alarm")} ${t("bill.no-figure")}` : `= ${unit(figure)}`);
