/* Pieces of the editors of programs.

   numberField({label, value, unit, set, step, low, high})  a figure with − and + beside it
   choice({label, value, options, set})    one of several: options [[value, text], …]
   windowField({value, set})               from … to …
   tick({label, on, set})                  yes or no
   kept(body, known)                       what the editor does not know, and keeps */
import { html, nothing } from "lit-html";
import { icon } from "/app/icons.js";
import { t } from "/app/words.js";
import { clockField } from "/views/light-steps.js";
import { hhmm, read } from "/views/light-times.js";
import { window } from "/views/program-terms.js";

export function numberField({ label, value, unit = "", set, step = 1, low = 0, high = 100000 }) {
  const known = Number.isFinite(value);
  const take = (x) => set(Math.min(high, Math.max(low, Math.round(x * 100) / 100)));
  let now = known ? value : low; // two taps may come before all is drawn again
  const move = (by) => take((now = Math.min(high, Math.max(low, now + by))));
  const typed = (event) => {
    const x = event.target.value === "" ? NaN : Number(event.target.value);
    if (Number.isFinite(x)) take(x);
    event.target.value = known ? String(value) : "";
  };
  return html`<div class="number-field" role="group" aria-label=${label}><span class="label" aria-hidden="true">${label}</span>
    <button class="button round" aria-label=${t("p.less", { label })} @click=${() => move(-step)}>${icon("minus")}</button>
    <input type="number" inputmode="decimal" step="any" min=${low} max=${high} aria-label=${unit ? `${label} (${unit})` : label} .value=${known ? String(value) : ""} @change=${typed}>
    <button class="button round" aria-label=${t("p.more", { label })} @click=${() => move(step)}>${icon("plus")}</button>
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
    found[name] = hhmm(minutes); // seen by the other one, too, should it be changed before all is drawn again
    set(`${found.from}..${found.until}`);
  };
  const one = (name, end) => html`<div role="group" aria-label=${t(`nights.${end}`)}><span aria-hidden="true">${t(`nights.${end}`)}</span> ${clockField(read(found[name]), put(name))}</div>`;
  return html`<div class="window-field">${one("from", "from")} ${one("until", "to")}</div>`;
}

export function kept(body, known) {
  const others = Object.keys(body).filter((key) => !known.includes(key));
  return others.length === 0 ? nothing : html`<p>${icon("info")} ${t("program.kept-others", { names: others.join(", ") })}</p>`;
}
