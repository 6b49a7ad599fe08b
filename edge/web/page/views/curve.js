/* A quantity of a sensor or a meter: its figure now, and its line over 24 hours or 7 days.

   curve(village, device, {name, unit}, {marks})   marks: thresholds {at, label, said} drawn across; said: in a sentence
   thumbnail(village, device, {name, unit})        a small line of the last 24 hours, without controls */
import { html, nothing } from "lit-html";
import { chart } from "/app/chart.js";
import { quantity, when } from "/app/format.js";
import { redraw } from "/app/screen.js";
import { t } from "/app/words.js";
import { quantityName, unheard } from "/views/details.js";
import { series, spark } from "/views/spark.js";

const SPANS = [24, 168];
let hours = SPANS[0];

export function curve(village, device, { name, unit }, { marks = [] } = {}) {
  const now = village.figure(device, name), label = quantityName(name);
  const choose = (h) => { hours = h; redraw(); };
  return html`<div class="curve"><h3>${label}</h3>
    <p class="state">${quantity(now, unit)}${now === null && typeof device.reading?.values[name] === "number" ? html` <small>${t("was", { value: quantity(device.reading.values[name], unit), time: when(device.reading.at, village.zone) })}</small>` : nothing}</p>
    ${marks.map((mark) => (mark.said ? html`<p class="threshold">${mark.said}</p>` : nothing))}
    ${drawn()}
    <div class="choices" role="group" aria-label=${t("how-far-back")}>${SPANS.map((h) => html`
      <button class="button" aria-pressed=${h === hours} @click=${() => choose(h)}>${t(`span.${h}`)}</button>`)}</div></div>`;

  function drawn() {
    const { points, step_s, error, from, to } = series(village, device.target, name, hours);
    if (points === null) return unheard(error);
    return chart(points, { kind: "band", unit, label, zone: village.zone, from, to, step_s, zero: unit === "W", lines: marks });
  }
}

export function thumbnail(village, device, { name }) {
  const { points, from, to } = series(village, device.target, name, 24);
  return points === null || points.length < 2 ? nothing : spark(points, { from, to, label: t("last-day-of", { name: quantityName(name) }) });
}
