/* A chart of figures over time, the same for every view: touch it to read one of them; below it the same figures as a
   table ("Xem số"), which is all that a screen reader needs. Drawn by uPlot, which is fetched when the first is shown.

   chart(points, {kind, unit, label, zone, from, to, step_s, each, digits, zero, lines}) → a lit-html template
     points   line: [[Unix ms, figure or null], …]; band: [[Unix ms, least, mean, most], …], as the request `history`
              answers; bars: [[Unix ms, figure or null, the estimated part of it], …], all that the axis has: one that has
              not begun is left empty, one without a figure says that it is not known
     kind     "line", "bars" or "band"
     unit     "kWh", "W", "%"…; label: what it shows, in words; zone: the village's
     from, to Unix ms: the axis of a line or band
     step_s   line and band: as the answer has it. Where a point is missing nothing is drawn, and it is told
     each     bars: "hour", "day" or "month"
     digits   behind the comma (1); zero: false if the axis need not begin at 0
     lines    [{at: figure, label}]: thresholds

   A chart is drawn anew when its figures, its width, the text's size or the colours change; the same figures cost
   nothing. Colours are base.css's. */
import { html, nothing, render } from "lit-html";
import { now } from "/app/clock.js";
import { clock, date, dayMonth, isoDay, quantity } from "/app/format.js";
import { icon } from "/app/icons.js";
import { load, t } from "/app/words.js";

const DARK = matchMedia("(prefers-color-scheme: dark)");
const MINUTE = 60000;

export const chart = (points, options) => html`<village-chart .shown=${{ points, kind: "line", digits: 1, lines: [], ...options }}></village-chart>`;

let parts = null;

/** uPlot, the drawing, words and styles, once. */
function bring() {
  parts ??= Promise.all([import("/app/chart-drawing.js"), script("/vendor/uPlot.iife.min.js"), load("chart"), style("/vendor/uPlot.min.css"), style("/style/chart.css")])
    .catch((error) => { parts = null; throw error; });
  return parts;
}

const put = (tag, found) => new Promise((done, wrong) => document.head.append(Object.assign(document.createElement(tag), { ...found, onload: done, onerror: () => wrong(new Error(found.src ?? found.href)) })));
const script = (path) => put("script", { src: import.meta.resolve(path) });
const style = (path) => put("link", { rel: "stylesheet", href: import.meta.resolve(path) });

/** Spans of time of which a line or a band has nothing, as [from, to] in Unix ms. */
export function gaps({ points, kind, from, to, step_s }) {
  if (kind === "bars" || !step_s || points.length === 0) return [];
  const step = step_s * 1000, end = Math.min(to ?? points.at(-1)[0], now() - 3 * MINUTE); // the newest is not on the card yet
  const ends = [from === undefined ? points[0][0] : from - step, ...points.map(([at]) => at)];
  const found = ends.map((at, n) => [at + step, n + 1 < ends.length ? ends[n + 1] : end]);
  return found.filter(([a, b], n) => b - a > (n === 0 ? step : step / 2)); // the first step may begin before `from`
}

/** When a figure was, for a person. */
export function when({ each, zone, from, to }, at) {
  if (each === "month") return date(at, zone).slice(3);
  if (each === "day") return dayMonth(at, zone);
  if (each === "hour" || (from !== undefined && to - from <= 36 * 60 * MINUTE)) return clock(at, zone);
  return `${dayMonth(at, zone)} ${clock(at, zone)}`;
}

/** One point in words. */
export function told(shown, [at, ...figures]) {
  const said = (x) => quantity(x, shown.unit, shown.digits);
  if (shown.kind === "band" && figures[0] !== figures[2]) return `${when(shown, at)}: ${said(figures[1])} (${said(figures[0])} – ${said(figures[2])})`;
  const part = shown.kind === "bars" && figures[1] > 0 ? ` (${t("chart.estimated", { part: said(figures[1]) })})` : "";
  return `${when(shown, at)}: ${said(figures[shown.kind === "band" ? 1 : 0])}${part}`;
}

const same = (a, b) => a !== undefined && JSON.stringify(a) === JSON.stringify(b);

class Chart extends HTMLElement {
  #shown;
  #open = false;
  #drawn = null;
  #failed = false;
  #at = null;
  #again = () => this.#draw();
  #watcher = new ResizeObserver(() => this.#draw());

  set shown(shown) {
    if (same(this.#shown, shown)) return;
    this.#shown = shown;
    this.#at = null;
    if (this.isConnected) this.#begin();
  }

  connectedCallback() {
    DARK.addEventListener("change", this.#again);
    if (this.#shown) this.#begin();
  }

  disconnectedCallback() {
    DARK.removeEventListener("change", this.#again);
    this.#watcher.disconnect();
    this.#drawn?.destroy();
    this.#drawn = null;
  }

  async #begin() {
    try {
      const [drawing] = await bring();
      this.make = drawing.make;
      this.#failed = false;
    } catch (error) {
      console.error(error);
      this.#failed = true;
      return setTimeout(() => this.isConnected && this.#begin(), 10000);
    }
    if (!this.isConnected) return undefined;
    this.#render();
    this.#watcher.observe(this.querySelector(".chart-box"));
    return this.#draw();
  }

  #draw() {
    const box = this.querySelector(".chart-box");
    if (!this.make || !box || box.clientWidth === 0) return;
    this.#drawn?.destroy();
    this.#drawn = this.make(box, this.#shown, gaps(this.#shown), (point) => {
      if (point === this.#at) return;
      this.#at = point;
      this.#render();
    });
  }

  #render() {
    const shown = this.#shown, holes = gaps(shown);
    const known = shown.points.flatMap(([, ...figures]) => (shown.kind === "bars" ? [figures[0]] : figures)).filter((x) => typeof x === "number");
    const said = (x) => quantity(x, shown.unit, shown.digits);
    const span = known.length === 0 ? t("chart.nothing") : t("chart.span", { least: said(Math.min(...known)), most: said(Math.max(...known)) });
    const missing = holes.length > 0 || (shown.kind === "bars" && shown.points.some(([at, y]) => y === null && at < now()));
    render(html`<p class="chart-at">${this.#at ? told(shown, this.#at) : html`<span>${shown.unit}</span>`}</p>
      <div class="chart-box" role="img" aria-label=${`${named(shown)}: ${span}${missing ? `. ${t("chart.missing")}` : ""}`}></div>
      ${known.length ? nothing : html`<p class="chart-empty">${icon("unknown")} ${t("chart.nothing")}</p>`}
      ${shown.points.some(([, , part]) => shown.kind === "bars" && part > 0) ? html`<p class="chart-key"><i class="estimated"></i> ${t("chart.key-estimated")}</p>` : nothing}
      ${missing && known.length ? html`<p class="chart-key"><i class="missing">${shown.kind === "bars" ? "×" : ""}</i> ${t("chart.key-missing")}</p>` : nothing}
      ${shown.lines.map((line) => html`<p class="chart-key"><i class="line"></i> ${line.label}: ${said(line.at)}</p>`)}
      <details class="chart-figures" @toggle=${(event) => { this.#open = event.target.open; this.#render(); }}>
        <summary>${t("chart.figures")}</summary>${this.#open ? table(shown, holes) : nothing}</details>`, this);
  }
}

function table(shown, holes) {
  const said = (x) => quantity(x, shown.unit, shown.digits);
  const heads = shown.kind === "band" ? ["least", "mean", "most"] : ["figure"];
  const rows = shown.points.filter(([at]) => shown.kind !== "bars" || at < now()).map((point) => ({ at: point[0], point }));
  const all = [...rows, ...holes.map((hole) => ({ at: hole[0], hole }))].sort((a, b) => a.at - b.at);
  const spanned = ([a, b]) => `${when(shown, a)} – ${when(shown, b)}`;
  return html`<table><caption>${named(shown)}</caption>
    <thead><tr><th scope="col">${t("chart.time")}</th>${heads.map((name) => html`<th scope="col">${t(`chart.${name}`)}</th>`)}</tr></thead>
    <tbody>${all.map(({ point, hole }) => (hole ? html`<tr class="missing"><th scope="row">${spanned(hole)}</th><td colspan=${heads.length}>${t("chart.nothing")}</td></tr>`
      : html`<tr><th scope="row">${when(shown, point[0])}</th>${heads.map((_, n) => html`<td>${said(point[n + 1])}${shown.kind === "bars" && point[2] > 0 ? html` <small>${t("chart.estimated", { part: said(point[2]) })}</small>` : nothing}</td>`)}</tr>`))}</tbody></table>`;
}

function named({ label, from, to, zone }) {
  if (from === undefined) return label;
  const first = date(from, zone), last = date(to - 1, zone);
  return `${label}, ${isoDay(from, zone) === isoDay(to - 1, zone) ? first : `${first} – ${last}`}`;
}

customElements.define("village-chart", Chart);
