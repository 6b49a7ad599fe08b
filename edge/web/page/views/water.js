/* Watering: `#/water` all plots, the queue, what is coming, pumps; `#/water/<valve or pump>` one of them;
   `#/water/<valve>/diary` the plot's diary. */
import { html, nothing } from "lit-html";
import { row } from "/app/controls.js";
import { number, when } from "/app/format.js";
import { icon } from "/app/icons.js";
import { address } from "/app/router.js";
import { flowing, stopButton } from "/app/stop-bar.js";
import { t } from "/app/words.js";
import { controls, reasonOf, waitsFor } from "/views/water-controls.js";
import { diary } from "/views/water-diary.js";
import { comingRuns, delayPart, pastRuns, putOffBanner } from "/views/water-lists.js";
import { plot } from "/views/water-plot.js";
import { progress } from "/views/water-progress.js";
import { pump } from "/views/water-pump.js";
import * as watered from "/views/water-runs.js";

export const catalogue = ["water", "field"];
export const stylesheet = ["water", "field"];

export function view({ village, path }) {
  watered.notice(village);
  const [id, page] = path;
  if (id === undefined) return overview(village);
  const found = [village.device("valve", id), village.device("pump", id)].filter(Boolean);
  if (found.length === 0) return html`<p class="message">${icon("unknown")} ${t("no-such-device")}</p>`;
  if (page === "diary" && found[0].kind === "valve") return diary(village, found[0]);
  return found.map((device) => (device.kind === "valve" ? plot(village, device) : pump(village, device)));
}

function overview(village) {
  const valves = village.of("valve"), pumps = village.of("pump");
  if (valves.length === 0) return html`<h1>${t("water")}</h1><p class="message">${icon("water")} ${t("no-valves")}</p>`;
  const runs = watered.week(village), plan = watered.plan(village);
  return html`<h1>${t("water")}</h1>
    ${barShown(village, valves) ? nothing : html`<div class="stop-here">${stopButton(village)}</div>`}
    ${putOffBanner(village, plan)}
    ${queue(village, valves, runs.runs)}
    <section aria-labelledby="plots-head"><h2 id="plots-head">${t("plots")}</h2>
      ${valves.map((valve) => plotRow(village, valve, runs))}</section>
    ${comingRuns(village, plan)}
    ${delayPart(village, plan)}
    ${pumps.length === 0 ? nothing : html`<section aria-labelledby="pumps-head"><h2 id="pumps-head">${t("pumps")}</h2>
      ${pumps.map((one) => row(village, one, { reason: reasonOf(village, one) }))}</section>`}
    ${pastRuns(village, runs)}
    <ul class="pages"><li><a href=${address("programs")}>${icon("calendar")} ${t("programs-of-water")} ${icon("next")}</a></li></ul>`;
}

/** Whether the bar above the ways to go has the button already. */
const barShown = (village, valves) => flowing(village).length > 0 || valves.some((valve) => valve.state?.observed === "unknown");

function plotRow(village, valve, runs) {
  const more = html`${moisture(village, valve)}${last(village, valve, runs)}${progress(village, valve)}`;
  return html`<div class="plot">${row(village, valve, { more, reason: reasonOf(village, valve) })}${controls(village, valve)}</div>`;
}

function moisture(village, valve) {
  const probe = valve.soil && village.device("sensor", valve.soil);
  if (!probe) return nothing;
  const share = village.figure(probe, "moisture_pct");
  return html`<p class="figure">${share === null ? t("soil-unknown") : t("soil-now", { share: number(share) })}</p>`;
}

function last(village, valve, { runs, known }) {
  if (!known || valve.state?.run) return nothing;
  const zone = watered.lastWatered(runs, valve.target);
  return html`<p class="why">${zone === null ? t("not-watered-week") : t("last-watered", { time: when(zone.started, village.zone) })}</p>`;
}

/** Who waters and who waits, in the order of their turns: persons before programs, then who was due earlier. */
function queue(village, valves, runs) {
  const slots = new Map(runs.map((run) => [run.id, run.slot]));
  const rank = ({ state }) => [["watering", "soaking"].includes(state.run.phase) ? 0 : 1, state.by ? 0 : 1, slots.get(state.run.id) ?? state.since ?? 0, state.run.zone ?? 0];
  const compare = (a, b) => rank(a).reduce((sign, x, i) => sign || x - rank(b)[i], 0);
  const turns = valves.filter((valve) => valve.state?.run).sort(compare);
  if (turns.length < 2) return nothing;
  return html`<section aria-labelledby="queue-head"><h2 id="queue-head">${t("queue")}</h2>
    <ol class="queue">${turns.map((valve) => html`<li><a href=${address("water", valve.id)}><b>${valve.name}</b> <span>${waitsFor(village, valve)}</span></a></li>`)}</ol>
    ${turns.some((valve) => valve.state.run.zones > 1) ? html`<p>${t("stop-ends-all")}</p>` : nothing}</section>`;
}
