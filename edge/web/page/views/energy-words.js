/* Energy in words and in pieces that its pages share.

   kwhs(x), dong(x), watt(x)      "512,5 kWh", "1.234.567 đ", "2,16 kW", which no line breaks apart
   paid(meter, amount)            the same in đồng, or that no price is known
   monthName(month)               "tháng 11/2026"
   than(beside)                   "nhiều hơn 12 %", "ít hơn 3 %", "bằng nhau", of what against() found; null where there is
                                  nothing to compare, or it would not be fair
   compared(beside)               a month beside the one before, as a template
   partly(period)                 "đo được 97 % thời gian", null when all was; measured(period, name) as a template
   dayPoints(days)                for chart()
   stepper(label, {earlier, later}, inner)  with buttons and a swipe to what was before and after
   trouble(error)                 why there are no figures, or that they are being asked for */
import { html, nothing } from "lit-html";
import { money, number, quantity } from "/app/format.js";
import { icon } from "/app/icons.js";
import { has, t } from "/app/words.js";
import { isFair } from "/views/energy-figures.js";

const SWIPE_PX = 60;

const whole = (text) => text.replaceAll(" ", "\u00a0");
export const kwhs = (x) => whole(quantity(x, "kWh", 1));
export const dong = (x) => whole(money(x));
export const watt = (x) => whole(quantity(x, "W"));
export const paid = (meter, amount) => (amount === null && !meter.tariff ? t("energy.no-tariff") : dong(amount));
export const monthName = (month) => t("energy.month", { month: `${Number(month.slice(5))}/${month.slice(0, 4)}` });
const share = (x) => `${number(Math.abs(x), Math.abs(x) < 10 ? 1 : 0)}\u00a0%`;

function more(now, then) {
  if (now === null || then === null || then <= 0) return null;
  const percent = (now / then - 1) * 100;
  return Math.abs(percent) < 0.5 ? t("energy.same") : t(percent > 0 ? "energy.more" : "energy.less", { share: share(percent) });
}

export const than = (beside) => (beside?.fair ? more(beside.now.kwh, beside.then.kwh) : null);

export function compared(beside) {
  if (beside === null) return nothing;
  const { now, then, days, fair } = beside;
  if (!fair) return html`<p class="why">${icon("info")} ${t(isFair(now) ? "energy.lacking-then" : "energy.lacking-now")}</p>`;
  const words = than(beside);
  return html`<p class="state">${words === null ? nothing : t("energy.than-before", { words })}</p>
    <p class="why">${days === null ? nothing : html`${t("energy.up-to-day", { n: days })} `}${t("energy.beside", { now: kwhs(now.kwh), then: kwhs(then.kwh) })}${now.amount === null || then.amount === null ? "" : html`<br>${t("energy.beside", { now: dong(now.amount), then: dong(then.amount) })}`}</p>`;
}

/** Rounded down: 99.97 % is not all. */
export const percent = (x) => `${number(Math.floor(x * 1000) / 10, 1)}\u00a0%`;
export const partly = (period) => (period !== null && period.measured < 0.9995 ? t("energy.measured", { share: percent(period.measured) }) : null);
export const measured = (period, name = "") => (partly(period) === null ? nothing : html`<p class="measured">${icon("info")}<span>${name}${name && ": "}${partly(period)}</span></p>`);

export const dayPoints = (days) => days.map((p) => [p.from, p.kwh, p.estimated ?? 0]);

export function stepper(label, { earlier, later }, inner) {
  let from = null;
  const began = (event) => { from = event.changedTouches[0]; };
  const ended = (event) => {
    const { clientX, clientY } = event.changedTouches[0];
    const x = clientX - (from?.clientX ?? clientX), y = clientY - (from?.clientY ?? clientY);
    if (Math.abs(x) > SWIPE_PX && Math.abs(x) > 2 * Math.abs(y)) (x > 0 ? earlier : later)?.();
  };
  const button = (does, drawing, words) => html`<button class="button round" ?disabled=${!does} aria-label=${words} @click=${() => does?.()}>${icon(drawing)}</button>`;
  return html`<section class="stepped" @touchstart=${{ handleEvent: began, passive: true }} @touchend=${ended}>
    <div class="step"><h2 aria-live="polite">${label}</h2>${button(earlier, "back", t("energy.earlier"))}${button(later, "next", t("energy.later"))}</div>${inner}</section>`;
}

export function trouble(error) {
  if (error === null) return html`<p class="message">${icon("clock")} ${t("asking")}</p>`;
  const key = `energy.error.${error.code}`;
  return html`<p class="message">${icon("alarm")} ${t(has(key) ? key : "energy.error", { message: error.message })}</p>`;
}
