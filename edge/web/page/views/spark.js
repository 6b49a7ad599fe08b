/* Small pictures of figures over time.

   series(village, target, quantity, hours)  {points, step_s, from, to, error}: points [[ms, least, mean, most], …]
                                             of the last so many hours, asked for anew each hour; the last ones stay meanwhile
   spark(points, {from, to, label})          an <svg> line */
import { html, svg } from "lit-html";
import { now } from "/app/clock.js";
import { history } from "/views/history.js";

const HOUR = 3600000;
const WIDTH = 300, HEIGHT = 64;
const last = new Map();

function span(hours) {
  const to = Math.ceil(now() / HOUR) * HOUR;
  return { from: to - hours * HOUR, to };
}

export function series(village, target, quantity, hours) {
  const { from, to } = span(hours);
  const { points, step_s, error } = history(village, target, quantity, { from, to, step: hours > 48 ? 3600 : 900 }, 600);
  const key = `${village.id} ${target} ${quantity} ${hours}`;
  if (points !== null) last.set(key, { points, step_s, from, to });
  return { points: null, step_s: null, from, to, ...last.get(key), error };
}

export function spark(points, { from, to, label }) {
  const values = points.flatMap(([, least, , most]) => [least, most]);
  const low = Math.min(...values), high = Math.max(...values), room = (high - low) * 0.1 || 1;
  const x = (ms) => ((ms - from) / (to - from)) * WIDTH;
  const y = (value) => HEIGHT - ((value - low + room) / (high - low + 2 * room)) * HEIGHT;
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
    ${parts(points).map((part) => svg`<polyline points=${drawn(part)}/>`)}</svg>`;

  /** One point alone is a line of no length, so that its round ends are seen. */
  function drawn(part) {
    return (part.length === 1 ? [part[0], part[0]] : part).map(([ms, , mean]) => `${x(ms).toFixed(1)},${y(mean).toFixed(1)}`).join(" ");
  }
}

/** The stretches without a gap: where nothing was read for long, no line is drawn. */
function parts(points) {
  const steps = points.slice(1).map((p, i) => p[0] - points[i][0]).sort((a, b) => a - b);
  const gap = 3.5 * (steps[Math.floor(steps.length / 2)] ?? 0);
  const found = [[]];
  points.forEach((point, i) => {
    if (i > 0 && point[0] - points[i - 1][0] > gap) found.push([]);
    found[found.length - 1].push(point);
  });
  return found;
}
