/* Lists of runs: comingRuns, pastRuns; and putting watering off: putOffBanner, delayPart. */
import { html, nothing } from "lit-html";
import { ask, whyNot } from "/app/asks.js";
import { stale } from "/app/asked.js";
import { duration, number, when } from "/app/format.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { by } from "/app/reasons.js";
import { redraw } from "/app/screen.js";
import { t } from "/app/words.js";
import { unheard } from "/views/details.js";
import { fate } from "/views/water-runs.js";
import { nameOf } from "/views/where.js";

const DAYS = [1, 2, 3];
const FEW = 5;
const SHOWN_MS = 10000; // so long a refusal stays to be read
const asked = new Map(); // village → "waiting" or why it was refused
let allShown = false;

export const planned = ({ for_s, volume_l }) => (volume_l !== null ? `${number(volume_l)} ${t("litres")}` : for_s !== null ? duration(for_s) : "");

export function comingRuns(village, { runs, putOff, known, trusted, error }, target = null) {
  const mine = runs.filter((run) => target === null || run.zones.some((zone) => zone.valve === target));
  const body = !known ? unheard(error)
    : !trusted ? html`<p>${t("clock-not-sure")}</p>`
    : mine.length === 0 ? html`<p>${t("nothing-due")}</p>`
    : html`<ul class="lines">${mine.slice(0, FEW).map((run) => line(run))}</ul>`;
  return html`<section aria-labelledby="coming-head"><h2 id="coming-head">${t("coming-runs")}</h2>${body}</section>`;

  function line(run) {
    const off = putOff !== null && run.at < putOff.until;
    const begins = run.by_soil ? t("by-soil-within", { from: when(run.at, village.zone), until: when(run.until, village.zone) }) : when(run.at, village.zone);
    const zones = run.zones.filter((zone) => target === null || zone.valve === target);
    return html`<li class=${off ? "off" : ""}><b>${begins}</b>
      <span>${zones.map((zone) => [target === null ? nameOf(village, zone.valve) : "", planned(zone)].filter(Boolean).join(" ")).join(" · ")}</span>
      ${off ? html`<span>${icon("rain")} ${t("will-be-skipped")}</span>` : nothing}</li>`;
  }
}

export function pastRuns(village, { runs, known, error }) {
  const over = runs.filter((run) => run.outcome !== null);
  const shown = allShown ? over : over.slice(0, FEW);
  const all = () => { allShown = true; redraw(); };
  return html`<section aria-labelledby="past-head"><h2 id="past-head">${t("past-runs")}</h2>
    ${!known ? unheard(error) : over.length === 0 ? html`<p>${t("no-runs-week")}</p>` : nothing}
    <ul class="lines">${shown.map((run) => html`<li class=${tone(run)}><b>${when(run.slot, village.zone)} · ${cause(run)}</b><span>${fate(run)}</span>
      ${run.zones.map((zone) => html`<span>${nameOf(village, zone.valve)}: ${given(zone)}${own(run, zone) ? ` – ${fate(zone)}` : nothing}</span>`)}</li>`)}</ul>
    ${shown.length < over.length ? html`<button class="button" @click=${all}>${t("all-runs", { n: over.length })}</button>` : nothing}</section>`;
}

const own = (run, zone) => zone.outcome !== run.outcome || zone.why !== run.why;
const tone = ({ outcome }) => (["cut_short", "missed"].includes(outcome) ? "bad" : "");

export const cause = (run) => (run.cause === "person" ? t("by-person", { by: by(run.user) }) : t(run.cause === "soil" ? "by-soil" : "reason.program"));

export function given({ done_s, litres, outcome }) {
  if (done_s === 0 && !litres) return t(outcome === null ? "no-water-yet" : "no-water");
  return [duration(done_s), litres === null ? "" : `${number(litres)} ${t("litres")}`].filter(Boolean).join(" · ");
}

async function delay(village, days) {
  asked.set(village.id, "waiting");
  redraw();
  try {
    await ask(village, "rain-delay", days === 0 ? {} : { for_s: days * 86400 }, 3);
    asked.delete(village.id);
  } catch (error) {
    asked.set(village.id, whyNot(error));
  }
  stale(village, "plan");
  redraw();
  setTimeout(() => { if (asked.get(village.id) !== "waiting") asked.delete(village.id); redraw(); }, SHOWN_MS);
}

export function putOffBanner(village, { putOff }) {
  if (putOff === null) return nothing;
  return html`<div class="put-off" role="status"><p>${icon("rain")} ${t("put-off", { time: when(putOff.until, village.zone), by: by(putOff.by) })}</p>
    ${delayButton(village, 0, t("end-delay"))}</div>`;
}

function delayButton(village, days, words) {
  const idle = link.phase === "up" && asked.get(village.id) !== "waiting";
  return html`<button class="button" ?disabled=${!idle} @click=${() => delay(village, days)}>${words}</button>`;
}

export function delayPart(village, { putOff }) {
  const said = asked.get(village.id);
  return html`<section aria-labelledby="delay-head"><h2 id="delay-head">${t("delay")}</h2><p>${t("delay-means")}</p>
    <div class="choices" role="group" aria-labelledby="delay-head">${DAYS.map((days) => delayButton(village, days, t("days", { n: days })))}
      ${putOff === null ? nothing : delayButton(village, 0, t("end-delay"))}</div>
    <p class="answer ${said && said !== "waiting" ? "bad" : ""}" aria-live="polite">${said ? t(said === "waiting" ? "phase-of.waiting" : `delay.${said}`) : nothing}</p></section>`;
}
