/* How far a valve's zone is: a bar and its figures.

   progress(village, valve)  nothing unless a run has the valve
   minutes(seconds)          2:05

   The cabinet says every 15 s what has been given. Between two reports the bar glides from what it showed to what was
   reported, so it moves, and never shows water of which nobody has heard. */
import { html, nothing } from "lit-html";
import { number, when } from "/app/format.js";
import { t } from "/app/words.js";

const REPORT_MS = 15000;
const glides = new Map();

export function minutes(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

function shown({ from, to, at }) {
  const part = Math.min(1, (performance.now() - at) / REPORT_MS);
  const between = (a, b) => (b === null ? null : Math.min(a ?? b, b) + (b - Math.min(a ?? b, b)) * part);
  return { s: between(from.s, to.s), l: between(from.l, to.l) };
}

function glide(village, valve) {
  const key = `${village.id}/${valve.id}`, { run } = valve.state;
  const before = glides.get(key);
  if (before?.state === valve.state) return shown(before);
  const to = { s: run.done_s, l: run.litres };
  const from = before?.run === run.id ? shown(before) : to;
  glides.set(key, { state: valve.state, run: run.id, from, to, at: performance.now() });
  return shown(glides.get(key));
}

export function progress(village, valve) {
  const run = valve.state?.run;
  if (!run) return nothing;
  const done = glide(village, valve);
  const share = run.planned_l ? (done.l ?? 0) / run.planned_l : run.planned_s ? done.s / run.planned_s : 0;
  const percent = Math.round(1000 * Math.min(1, Math.max(0, share))) / 10;
  const told = figures(run, done);
  const { until } = valve.state;
  const end = run.phase === "watering" && until !== null ? t("done-about", { time: when(until, village.zone) }) : "";
  return html`<div class="progress">
    <div role="progressbar" aria-label=${t("progress-of", { name: valve.name })} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(percent)} aria-valuetext=${told}>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="whole" width="100" height="8"/><rect class="done" width=${percent} height="8"/></svg></div>
    <p>${told}${end ? html` · ${end}` : nothing}</p></div>`;
}

function figures(run, done) {
  if (run.planned_l) {
    const litres = t("litres-of", { done: number(done.l ?? 0), planned: number(run.planned_l) });
    return `${litres} · ${minutes(done.s)} ${t("min-short")}`;
  }
  const time = run.planned_s ? `${minutes(done.s)} / ${minutes(run.planned_s)} ${t("min-short")}` : `${minutes(done.s)} ${t("min-short")}`;
  return done.l === null ? time : `${time} · ${number(done.l)} ${t("litres")}`;
}
