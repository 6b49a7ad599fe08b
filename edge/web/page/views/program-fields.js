/* Pieces of the editors of watering and of climate programs.

   numberField({label, value, unit, set, step, low, high})  a figure with − and + beside it
   choice({label, value, options, set})    one of several: options [[value, text], …]
   windowField({value, set})               from … to …
   tick({label, on, set})                  yes or no
   kept(body, known)                       what the editor does not know, and keeps
   window(text)                            {from, until} of "08:00..18:00", or null
   written(seconds), amount(text), long(seconds)   "20m"; "20 phút" of "20m", "200 lít" of "200l"; "3 ngày" */
import { html, nothing } from "lit-html";
import { duration, number } from "/app/format.js";
import { icon } from "/app/icons.js";
import { t } from "/app/words.js";
import { clockField } from "/views/light-steps.js";
import { hhmm, read, span } from "/views/light-times.js";

const UNIT_S = [["d", 86400], ["h", 3600], ["m", 60]];

export function written(seconds) {
  const [unit, size] = UNIT_S.find(([, one]) => seconds > 0 && seconds % one === 0) ?? ["s", 1];
  return `${seconds / size}${unit}`;
}

export function litres(text) {
  const found = /^\s*(\d+(?:\.\d+)?)\s*l\s*$/.exec(text);
  return found ? Number(found[1]) : null;
}

export const long = (seconds) => (seconds > 0 && seconds % 86400 === 0 ? t("days", { n: seconds / 86400 }) : duration(seconds));

export function amount(text) {
  if (litres(text) !== null) return `${number(litres(text), 1)} ${t("litres")}`;
  return span(text) === null ? String(text) : long(span(text));
}

export function window(text) {
  const ends = String(text ?? "").split("..").map(read);
  return ends.length === 2 && ends.every((end) => end?.anchor === "clock") ? { from: hhmm(ends[0].minutes), until: hhmm(ends[1].minutes) } : null;
}

export const windowSaid = (text) => (window(text) ? t("p.window", window(text)) : String(text));

export function numberField({ label, value, unit = "", set, step = 1, low = 0, high = 100000 }) {
  const known = Number.isFinite(value);
  const take = (x) => set(Math.min(high, Math.max(low, Math.round(x * 100) / 100)));
  const typed = (event) => {
    const x = event.target.value === "" ? NaN : Number(event.target.value);
    if (Number.isFinite(x)) take(x);
    event.target.value = known ? String(value) : "";
  };
  return html`<div class="number-field" role="group" aria-label=${label}><span class="label" aria-hidden="true">${label}</span>
    <button class="button round" aria-label=${t("p.less", { label })} @click=${() => take((known ? value : low) - step)}>${icon("minus")}</button>
    <input type="number" inputmode="decimal" step="any" min=${low} max=${high} aria-label=${unit ? `${label} (${unit})` : label} .value=${known ? String(value) : ""} @change=${typed}>
    <button class="button round" aria-label=${t("p.more", { label })} @click=${() => take((known ? value : low) + step)}>${icon("plus")}</button>
    <span class="unit" aria-hidden="true">${unit}</span></div>`;
}

export function choice({ label, value, options, set }) {
  return html`<label class="choice"><span>${label}</span>
    <select @change=${(event) => set(event.target.value)}>${options.map(([one, text]) => html`<option value=${one} .selected=${one === value}>${text}</option>`)}</select></label>`;
}

export function tick({ label, on, set }) {
  return html`<button class="button tick" role="switch" aria-checked=${on} @click=${() => set(!on)}><span>${label}</span> <b>${icon(on ? "ok" : "close")} ${t(on ? "p.yes" : "p.no")}</b></button>`;
}

export function windowField({ value, set }) {
  const found = window(value);
  if (found === null) return html`<p>${icon("info")} ${String(value)} ${t("program.kept")}</p>`;
  const put = (name) => ({ minutes }) => {
    const changed = { ...found, [name]: hhmm(minutes) };
    set(`${changed.from}..${changed.until}`);
  };
  const one = (name) => html`<div role="group" aria-label=${t(`p.${name}`)}><span aria-hidden="true">${t(`p.${name}`)}</span> ${clockField(read(found[name]), put(name))}</div>`;
  return html`<div class="window-field">${one("from")} ${one("until")}</div>`;
}

export function kept(body, known) {
  const others = Object.keys(body).filter((key) => !known.includes(key));
  return others.length === 0 ? nothing : html`<p>${icon("info")} ${t("program.kept-others", { names: others.join(", ") })}</p>`;
}
