/* One plot: what it does now, its soil, what it got this season, what is coming and what was. */
import { html, nothing } from "lit-html";
import { row } from "/app/controls.js";
import { date, dayStart, duration, isoDay, number, when } from "/app/format.js";
import { askHowLong } from "/app/how-long.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { address } from "/app/router.js";
import { redraw } from "/app/screen.js";
import { t } from "/app/words.js";
import { alarmsOf, controls, reasonOf } from "/views/water-controls.js";
import { comingRuns, given, pastRuns, putOffBanner } from "/views/water-lists.js";
import { curve } from "/views/curve.js";
import { unheard } from "/views/details.js";
import { progress } from "/views/water-progress.js";
import * as watered from "/views/water-runs.js";

const SEASON_DAYS = 90;
const key = (village, valve) => `season/${village.id}/${valve.id}`;

export function plot(village, valve) {
  const runs = watered.week(village, valve.target), plan = watered.plan(village);
  return html`<h1>${valve.name}</h1><h2 class="aside">${t("at-present")}</h2>
    <div class="plot">${row(village, valve, { reason: reasonOf(village, valve), more: progress(village, valve) })}${controls(village, valve)}</div>
    ${valve.state?.run?.zones > 1 ? html`<p>${t("stop-ends-all")}</p>` : nothing}
    <button class="button wide" ?disabled=${link.phase !== "up"} aria-haspopup="dialog" @click=${() => askHowLong(village, valve)}>${icon("clock")} ${t(valve.flow === null ? "choose-time" : "choose-time-or-litres")}</button>
    ${alarmsOf(village, [valve.target, `pump/${valve.pump}`, `sensor/${valve.soil}`])}
    ${putOffBanner(village, plan)}
    ${last(village, valve, runs)}
    ${soil(village, valve)}
    ${season(village, valve)}
    ${comingRuns(village, plan, valve.target)}
    ${pastRuns(village, runs)}
    <ul class="pages">
      <li><a href=${address("water", valve.id, "diary")}>${icon("log")} ${t("diary")} ${icon("next")}</a></li>
      ${valve.pump === null ? nothing : html`<li><a href=${address("water", valve.pump)}>${icon("pump")} ${village.device("pump", valve.pump)?.name ?? valve.pump} ${icon("next")}</a></li>`}
    </ul>`;
}

function last(village, valve, { runs, known }) {
  if (!known || valve.state?.run) return nothing;
  const zone = watered.lastWatered(runs, valve.target);
  return html`<p>${zone === null ? t("not-watered-week") : html`${t("last-watered", { time: when(zone.started, village.zone) })}: ${given(zone)}`}</p>`;
}

function soil(village, valve) {
  const probe = valve.soil && village.device("sensor", valve.soil);
  if (!probe) return nothing;
  return html`<section aria-labelledby="soil-head"><h2 id="soil-head"><a href=${address("crops", probe.id)}>${probe.name}</a></h2>
    ${curve(village, probe, { name: "moisture_pct", unit: "%" })}</section>`;
}

/** Since when a season is counted: what the person chose on this phone, else 90 days. */
function since(village, valve) {
  const chosen = localStorage.getItem(key(village, valve));
  const from = /^\d{4}-\d\d-\d\d$/.test(chosen ?? "") ? dayStart(chosen, village.zone) : NaN;
  return Number.isNaN(from) || from > watered.today(village) ? watered.span(village, SEASON_DAYS).from : from;
}

function season(village, valve) {
  const from = since(village, valve);
  const { runs, known, error, cut } = watered.past(village, { device: valve.target, from, to: watered.span(village, 1).to });
  const zones = runs.flatMap((run) => watered.share(run, valve.target)).filter((zone) => zone.done_s > 0);
  const litres = zones.filter((zone) => zone.litres !== null);
  const choose = (event) => {
    localStorage.setItem(key(village, valve), event.target.value);
    redraw();
  };
  return html`<section aria-labelledby="season-head"><h2 id="season-head">${t("season")}</h2>
    ${!known ? unheard(error) : html`
      <p class="state">${litres.length ? `${number(litres.reduce((sum, zone) => sum + zone.litres, 0))} ${t("litres")}` : zones.length ? t("litres-not-counted") : t("no-water")}</p>
      <p>${t("waterings", { n: zones.length, time: duration(zones.reduce((sum, zone) => sum + zone.done_s, 0)), date: date(from, village.zone) })}</p>
      ${litres.length < zones.length && litres.length ? html`<p>${t("litres-of-some", { n: litres.length })}</p>` : nothing}
      ${cut ? html`<p>${t("season-cut")}</p>` : nothing}`}
    <label class="since">${t("season-since")} <input type="date" .value=${isoDay(from, village.zone)} max=${isoDay(watered.today(village), village.zone)} @change=${choose}></label>
  </section>`;
}
