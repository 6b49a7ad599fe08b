/* A quantity of a sensor or a meter: its figure now, and its line over 24 hours or 7 days.

   curve(village, device, {name, unit}, {marks})   marks: [{value, text}] drawn across and said below
   thumbnail(village, device, {name, unit})        a small line of the last 24 hours, without controls */
import { html, nothing } from "lit-html";
import { quantity, when } from "/app/format.js";
import { redraw } from "/app/screen.js";
import { has, t } from "/app/words.js";
import { series, spark } from "/views/spark.js";

const SPANS = [24, 168];
let hours = SPANS[0];

export const quantityName = (name) => (has(`quantity.${name}`) ? t(`quantity.${name}`) : name);

export function curve(village, device, { name, unit }, { marks = [] } = {}) {
  const now = village.figure(device, name);
  const { points, error, from, to } = series(village, device.target, name, hours);
  const choose = (h) => { hours = h; redraw(); };
  return html`<div class="curve"><h3>${quantityName(name)}</h3>
    <p class="state">${quantity(now, unit)}${now === null && device.reading ? html` <small>${t("was", { value: quantity(device.reading.values[name], unit), time: when(device.reading.at, village.zone) })}</small>` : nothing}</p>
    ${marks.map((mark) => html`<p class="threshold">${mark.text}</p>`)}
    ${points === null ? html`<p>${t(error ? "not-answered" : "asking")}</p>` : points.length === 0 ? html`<p>${t("nothing-read")}</p>` : html`
      ${spark(points, { from, to, marks: marks.map((mark) => mark.value), label: range(points) })}
      <p class="axis"><span>${when(from, village.zone)}</span><span>${when(to, village.zone)}</span></p><p>${range(points)}</p>`}
    <div class="choices" role="group" aria-label=${t("how-far-back")}>${SPANS.map((h) => html`
      <button class="button" aria-pressed=${h === hours} @click=${() => choose(h)}>${t(`span.${h}`)}</button>`)}</div></div>`;

  function range(all) {
    const least = Math.min(...all.map((p) => p[1])), most = Math.max(...all.map((p) => p[3]));
    return t("range", { least: quantity(least, unit), most: quantity(most, unit) });
  }
}

export function thumbnail(village, device, { name }) {
  const { points, from, to } = series(village, device.target, name, 24);
  return points === null || points.length < 2 ? nothing : spark(points, { from, to, label: t("last-day-of", { name: quantityName(name) }) });
}
