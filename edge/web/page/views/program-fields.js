/* Pieces of the editors of programs.

   flawed(flaws, ...paths)                    what is wrong there
   numberField({label, value, unit, set, …})  a figure with − and + beside it
   choice({label, value, options, set})       one of several: options [[value, text], …]
   timeField({label, value, set})             a time of day: by the clock, or before or after sunrise and sunset
   windowField({value, set})                  from … to …
   tick({label, on, set})                     yes or no
   kept(body, known)                          what the editor does not know, and keeps */
import { html, nothing } from "lit-html";
import { number } from "/app/format.js";
import { icon } from "/app/icons.js";
import { t } from "/app/words.js";
import { at, atText, hhmm, texts, window } from "/views/program-words.js";

export function flawed(flaws, ...paths) {
  const found = paths.flatMap((path) => texts(flaws, path));
  return found.length === 0 ? nothing : html`<div class="flaws" role="alert">${found.map((text) => html`<p>${icon("alarm")} ${text}</p>`)}</div>`;
}

export function numberField({ label, value, unit = "", set, step = 1, low = 0, high = 100000 }) {
  const take = (x) => Number.isFinite(x) && set(Math.min(high, Math.max(low, Math.round(x * 100) / 100)));
  const move = (by) => take((value ?? low) + by);
  return html`<div class="number-field" role="group" aria-label=${label}><span class="label" aria-hidden="true">${label}</span>
    <button type="button" class="button round" aria-label=${t("p.less", { label })} @click=${() => move(-step)}>${icon("minus")}</button>
    <input type="number" inputmode="decimal" aria-label=${unit ? `${label} (${unit})` : label} min=${low} max=${high} step="any" .value=${value === null || value === undefined ? "" : String(value)}
      @change=${(event) => event.target.value !== "" && take(Number(event.target.value))}>
    <button type="button" class="button round" aria-label=${t("p.more", { label })} @click=${() => move(step)}>${icon("plus")}</button>
    <span class="unit" aria-hidden="true">${unit}</span></div>`;
}

export function choice({ label, value, options, set }) {
  return html`<label class="choice"><span>${label}</span>
    <select @change=${(event) => set(event.target.value)}>${options.map(([one, text]) => html`<option value=${one} ?selected=${one === value}>${text}</option>`)}</select></label>`;
}

export function tick({ label, on, set }) {
  return html`<button type="button" class="button tick" role="switch" aria-checked=${on} @click=${() => set(!on)}>
    <span>${label}</span> <b>${t(on ? "p.yes" : "p.no")}</b></button>`;
}

export function timeField({ label, value, set }) {
  const found = at(value);
  if (found === null) return html`<p>${label}: ${String(value)} (${t("p.kept-as-is")})</p>`;
  const anchors = [["clock", t("p.by-clock")], ["sunrise", t("p.sunrise")], ["sunset", t("p.sunset")]];
  const become = (anchor) => set(atText(anchor === "clock" ? { anchor, minutes: 330 } : { anchor, minutes: 0 }));
  return html`<div class="time-field">${choice({ label, value: found.anchor, options: anchors, set: become })}
    ${found.anchor === "clock" ? html`<label><span>${t("p.at")}</span> <input type="time" required .value=${hhmm(found.minutes)}
      @change=${(event) => event.target.value && set(event.target.value)}></label>` : offset()}</div>`;

  function offset() {
    const { anchor, minutes } = found;
    const side = minutes < 0 ? "-" : "+";
    return html`${choice({ label: t("p.side"), value: side, options: [["-", t("p.side-before")], ["+", t("p.side-after")]], set: (sign) => set(atText({ anchor, minutes: (sign === "-" ? -1 : 1) * (Math.abs(minutes) || 10) })) })}
      ${numberField({ label: t("p.by-so-much"), value: Math.abs(minutes), unit: t("p.minutes"), step: 10, high: 360, set: (m) => set(atText({ anchor, minutes: (side === "-" ? -1 : 1) * Math.round(m) })) })}`;
  }
}

export function windowField({ value, set }) {
  const found = window(value);
  if (found === null) return html`<p>${String(value)} (${t("p.kept-as-is")})</p>`;
  const one = (name) => html`<label><span>${t(`p.${name}`)}</span> <input type="time" required .value=${found[name]}
    @change=${(event) => event.target.value && set(`${({ ...found, [name]: event.target.value }).from}..${({ ...found, [name]: event.target.value }).until}`)}></label>`;
  return html`<div class="window-field">${one("from")} ${one("until")}</div>`;
}

export function kept(body, known) {
  const rest = Object.keys(body).filter((key) => !known.includes(key));
  return rest.length === 0 ? nothing : html`<p class="kept">${icon("info")} ${t("p.kept", { keys: rest.map((key) => `${key}: ${JSON.stringify(body[key])}`).join("; ") })}</p>`;
}

export const percent = (x) => `${number(x)} %`;
