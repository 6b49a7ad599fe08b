/* The editor of a climate program, as /views/programs.js wants it: by which sensors a switch goes, within which hours,
   and what it does when a sensor is silent. What it does not know of a body it leaves as it is, and says so. */
import { html, nothing } from "lit-html";
import { quantity } from "/app/format.js";
import { icon } from "/app/icons.js";
import { t } from "/app/words.js";
import { conditions, conditionSaid, sideOf, summary, unitOf, wrong } from "/views/climate-words.js";
import { quantityName } from "/views/details.js";
import { cropSensors } from "/views/home.js";
import { choice, kept, numberField, tick, windowField } from "/views/program-fields.js";
import { flawed, flawedAt } from "/views/program-review.js";

export const catalogue = ["program-fields", "field"];
export const stylesheet = "program-fields";
export { summary, wrong };

const KNOWN = ["kind", "target", "when", "match", "window", "if_stale"];
const MOST = 4;

export function editor({ village, draft, changed, flaws }) {
  const some = conditions(draft);
  const part = (name, inside) => html`<section class="part" aria-labelledby="part-${name}"><h2 id="part-${name}">${t(`c.part.${name}`)}</h2>${inside}</section>`;
  return html`<p>${icon("fan")} ${t("c.moves", { name: village.device("switch", draft.target)?.name ?? String(draft.target) })} ${t("program.kept")}</p>
    ${part("when", html`<ol class="steps">${some.map((one, i) => condition({ village, draft, changed, flaws }, one, i))}</ol>
      ${some.length > 1 ? choice({ label: t("c.match"), value: draft.match ?? "all", options: [["all", t("c.all")], ["any", t("c.any")]], set: (way) => { draft.match = way; changed("match"); } }) : nothing}
      ${flawedAt(flaws, "when")}
      ${some.length >= MOST || village.of("sensor").length === 0 ? nothing : html`<button class="button" @click=${() => add(village, draft, changed)}>${icon("plus")} ${t("c.add")}</button>`}`)}
    ${part("window", hours(draft, changed, flaws))}
    ${part("stale", html`${choice({ label: t("c.stale"), value: draft.if_stale ?? "off", options: [["off", t("c.stale-off")], ["on", t("c.stale-on")]], set: (way) => { draft.if_stale = way; changed("if_stale"); } })}${flawed(flaws, "if_stale")}`)}
    ${kept(draft, KNOWN)}`;
}

function hours(draft, changed, flaws) {
  const set = (yes) => {
    if (yes) draft.window = "08:00..18:00";
    else delete draft.window;
    changed("window");
  };
  return html`${tick({ label: t("c.window-on"), on: draft.window !== undefined, set })}
    ${draft.window === undefined ? nothing : windowField({ value: draft.window, set: (text) => { draft.window = text; changed("window"); } })}${flawed(flaws, "window")}`;
}

function add(village, draft, changed) {
  const sensor = cropSensors(village)[0] ?? village.of("sensor")[0];
  const first = { sensor: sensor.id, quantity: sensor.quantities[0]?.name ?? "", ...thresholds(village, sensor, sensor.quantities[0]?.name) };
  draft.when = [...conditions(draft), first];
  changed();
}

/** Two thresholds about the present figure, a tenth apart. */
function thresholds(village, sensor, name) {
  const now = Math.round(village.figure(sensor, name) ?? 30);
  return { on_above: now + Math.max(2, Math.round(Math.abs(now) / 10)), off_below: now };
}

const THRESHOLDS = ["on_above", "off_below", "on_below", "off_above"];

/** From now on the condition goes by another quantity, whose thresholds are others. */
function goByQuantity(village, one, sensor, name) {
  for (const key of THRESHOLDS) delete one[key];
  Object.assign(one, { quantity: name, ...thresholds(village, sensor, name) });
}

function condition({ village, draft, changed, flaws }, one, i) {
  const path = Array.isArray(draft.when) ? `when[${i}]` : "when";
  const { on, off } = sideOf(one);
  const sensor = village.device("sensor", one.sensor), unit = unitOf(village, one);
  const sensors = village.of("sensor").map((each) => [each.id, each.name]);
  if (!sensor) sensors.push([one.sensor, String(one.sensor)]);
  const goBy = (id) => {
    const other = village.device("sensor", id);
    if (!other.quantities.some((q) => q.name === one.quantity)) goByQuantity(village, one, other, other.quantities[0]?.name ?? "");
    one.sensor = id;
    changed(path);
  };
  const measure = (name) => {
    goByQuantity(village, one, sensor, name);
    changed(path);
  };
  const turn = (side) => {
    const [high, low] = on === "on_above" ? [one[on], one[off]] : [one[off], one[on]];
    delete one[on];
    delete one[off];
    Object.assign(one, side === "on_above" ? { on_above: high, off_below: low } : { on_below: low, off_above: high });
    changed(path);
  };
  const figure = (key) => numberField({ label: t(`c.field.${key}`), value: one[key], unit, low: -1e6, high: 1e6, step: step(one[key]), set: (x) => { one[key] = x; changed(path); } });
  return html`<li><fieldset class="step"><legend><b>${conditionSaid(village, one)}</b></legend>
    ${choice({ label: t("c.sensor"), value: one.sensor, options: sensors, set: goBy })}
    ${sensor ? choice({ label: t("c.quantity"), value: one.quantity, options: sensor.quantities.map((q) => [q.name, quantityName(q.name)]), set: measure }) : nothing}
    ${sensor ? html`<p>${t("c.now", { value: quantity(village.figure(sensor, one.quantity), unit) })}</p>` : nothing}
    ${choice({ label: t("c.side"), value: on, options: [["on_above", t("c.side.above")], ["on_below", t("c.side.below")]], set: turn })}
    ${figure(on)}${figure(off)}
    ${flawed(path === "when" ? new Map([...flaws].filter(([where]) => where !== "when")) : flaws, path)}
    ${conditions(draft).length < 2 ? nothing : html`<button class="button remove" aria-label=${t("c.remove-n", { n: i + 1 })} @click=${() => { draft.when.splice(i, 1); changed(); }}>${icon("close")} ${t("c.remove")}</button>`}
  </fieldset></li>`;
}

const step = (x) => (Math.abs(x) >= 1000 ? 1000 : 1);
