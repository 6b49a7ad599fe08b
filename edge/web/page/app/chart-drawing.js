/* What app/chart.js draws on its canvas, by uPlot.

   make(box, shown, gaps, touched) → uPlot, in the element `box` and as large as it; `shown` as chart() takes it, `gaps`
   as gaps() finds them; touched(point or null) tells what the finger is on */
import { now } from "/app/clock.js";
import { clock, date, dayMonth, dayStart, number } from "/app/format.js";

const HOUR = 3600000;
const STEPS_H = [1, 2, 3, 4, 6, 12, 24, 48, 96, 168, 336, 744, 1488, 2976];

export function make(box, shown, gaps, touched) {
  const look = face();
  const bars = shown.kind === "bars";
  const { data, at, series } = bars ? barData(shown, look) : lineData(shown, gaps, look);
  const labels = bars ? barLabels(shown) : timeLabels(shown);
  const options = {
    width: box.clientWidth, height: box.clientHeight, series: [{}, ...series], legend: { show: false }, ms: 1,
    padding: [look.rem / 2, look.width(labels.widest) / 2, 0, 0],
    cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
    scales: { x: { time: false, range: () => labels.range }, y: { range: (_, least, most) => figureRange(shown, least, most) } },
    axes: [
      { font: look.font, stroke: look.ink, size: look.rem * 1.9, gap: look.rem / 4, grid: { show: false }, ticks: { stroke: look.edge, size: 4 }, splits: (u) => labels.splits(u.bbox.width / devicePixelRatio, look.width(labels.widest)), values: (_, splits) => splits.map(labels.say) },
      { font: look.font, stroke: look.ink, gap: look.rem / 3, grid: { stroke: look.edge, width: 1 }, ticks: { show: false }, space: look.rem * 1.9, size: (_, values) => look.rem * 0.6 + Math.max(0, ...(values ?? []).map(look.width)), values: (_, splits) => axisFigures(splits) },
    ],
    bands: shown.kind === "band" ? [{ series: [3, 1], fill: look.soft }] : [],
    hooks: {
      drawClear: [(u) => gaps.forEach((gap) => hatch(u, gap, look))],
      draw: [(u) => (bars ? crosses(u, shown, look) : undefined), (u) => shown.lines.forEach((line) => threshold(u, line.at, look))],
      setCursor: [(u) => touched(u.cursor.idx === null || u.cursor.left < 0 ? null : at[u.cursor.idx] ?? null)],
    },
  };
  return new window.uPlot(options, data, box);
}

/** Colours and the text's size, as they are now. */
function face() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const rem = parseFloat(style.fontSize);
  const font = `${rem}px ${style.fontFamily}`;
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = font;
  return {
    rem, font, ink: colour("faint"), edge: colour("edge"), strong: colour("edge-strong"), main: colour("main"), alarm: colour("critical"),
    soft: `${colour("main")}40`, width: (text) => pen.measureText(text).width,
  };
}

function barData({ points }, look) {
  const { bars } = window.uPlot.paths;
  const paths = bars({ size: [0.75, 64] });
  const whole = points.map(([, y]) => y ?? null);
  const sure = points.map(([, y, part]) => (typeof y === "number" ? y - (part ?? 0) : null));
  const one = (fill, stroke) => ({ paths, fill, stroke, width: stroke ? 1 : 0, points: { show: false } });
  return { data: [points.map((_, n) => n), whole, sure], at: points.map((point) => (point[0] < now() ? point : null)), series: [one(look.soft, look.main), one(look.main)] };
}

/** Where nothing was read a null breaks the line. */
function lineData({ points, kind, step_s }, gaps, look) {
  const middle = (step_s ?? 0) * 500;
  const rows = [...points.map((point) => [point[0] + middle, point]), ...gaps.map(([from, to]) => [(from + to) / 2, null])].sort((a, b) => a[0] - b[0]);
  const column = (n) => rows.map(([, point]) => point?.[n] ?? null);
  const alone = (u, n) => u.data[n].flatMap((y, i, all) => (y !== null && (all[i - 1] ?? null) === null && (all[i + 1] ?? null) === null ? [i] : []));
  const line = (stroke, width) => ({ stroke, width, spanGaps: false, points: { show: true, size: 6, fill: stroke, filter: alone } });
  const data = kind === "band" ? [column(1), column(2), column(3)] : [column(points[0]?.length > 3 ? 2 : 1)];
  const series = kind === "band" ? [line("transparent", 0), line(look.main, 2), line("transparent", 0)] : [line(look.main, 2)];
  return { data: [rows.map(([x]) => x), ...data], at: rows.map(([, point]) => point), series };
}

function barLabels({ points, each, zone }) {
  const say = (at) => (each === "hour" ? clock(at, zone).slice(0, 2) : each === "month" ? date(at, zone).slice(3, 5) : dayMonth(at, zone).slice(0, 2)).replace(/^0(?=\d)/, "");
  return {
    range: [-0.5, points.length - 0.5], widest: "30", say: (n) => (points[n] ? say(points[n][0]) : ""),
    splits: (width, label) => {
      const most = Math.max(1, Math.floor(width / (label * 1.6)));
      const every = [1, 2, 5, 10, 15].find((n) => points.length / n <= most) ?? points.length;
      return points.flatMap((_, n) => ((n + 1) % every === 0 || (n === 0 && every > 2) ? [n] : []));
    },
  };
}

function timeLabels({ points, from = points[0]?.[0], to = points.at(-1)?.[0], zone }) {
  const short = to - from <= 36 * HOUR;
  const say = (at) => (short ? clock(at, zone) : dayMonth(at, zone));
  return { range: [from, to], widest: short ? "00:00" : "00/00", say, splits: (width, label) => timeSplits(from, to, zone, Math.max(1, width / (label * 1.4))) };
}

/** Full hours, or days' beginnings, at most `most` spaces apart. */
function timeSplits(from, to, zone, most) {
  const hours = STEPS_H.find((h) => (to - from) / HOUR / h <= most) ?? STEPS_H.at(-1);
  const found = [];
  const onward = (at) => (hours < 24 ? at + hours * HOUR : dayStart(at + (hours + 2) * HOUR, zone));
  for (let at = dayStart(from, zone); at <= to; at = onward(at)) if (at >= from) found.push(at);
  return found;
}

function figureRange({ zero, lines }, least, most) {
  const all = [least, most, ...lines.map((line) => line.at)].filter((x) => typeof x === "number" && Number.isFinite(x));
  if (all.length === 0) return [0, 1];
  const low = Math.min(...all), high = Math.max(...all), room = (high - low || Math.abs(high) || 12) * 0.08;
  return [zero !== false && low >= 0 ? 0 : low - room, high + room];
}

function axisFigures(splits) {
  const isWhole = (x) => Math.abs(x - Math.round(x)) < 1e-6;
  const digits = [0, 1, 2].find((n) => splits.every((y) => isWhole(y * 10 ** n))) ?? 3;
  return splits.map((y) => number(y, digits));
}

function hatch(u, [from, to], look) {
  const { ctx, bbox } = u, dense = 8 * devicePixelRatio;
  const left = Math.max(bbox.left, u.valToPos(from, "x", true)), right = Math.min(bbox.left + bbox.width, u.valToPos(to, "x", true));
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, bbox.top, right - left, bbox.height);
  ctx.clip();
  ctx.beginPath();
  for (let x = left - bbox.height - (left % dense); x < right; x += dense) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  Object.assign(ctx, { strokeStyle: look.strong, lineWidth: devicePixelRatio });
  ctx.stroke();
  ctx.restore();
}

function crosses(u, { points }, look) {
  const { ctx } = u, arm = 4 * devicePixelRatio;
  ctx.save();
  Object.assign(ctx, { strokeStyle: look.alarm, lineWidth: 2 * devicePixelRatio });
  ctx.beginPath();
  points.forEach(([at, y], n) => {
    if (typeof y === "number" || at >= now()) return;
    const x = u.valToPos(n, "x", true), bottom = u.bbox.top + u.bbox.height - 2 * arm;
    for (const side of [-1, 1]) {
      ctx.moveTo(x - arm, bottom - side * arm);
      ctx.lineTo(x + arm, bottom + side * arm);
    }
  });
  ctx.stroke();
  ctx.restore();
}

function threshold(u, figure, look) {
  const { ctx, bbox } = u, y = u.valToPos(figure, "y", true);
  ctx.save();
  Object.assign(ctx, { strokeStyle: look.strong, lineWidth: 2 * devicePixelRatio });
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}
