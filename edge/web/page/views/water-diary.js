/* A plot's diary, a day at a time: what it was given, why and by whom, and how wet its soil was. It can be printed; the
   one with a code to check it by is made by `village-edge diary`. */
import { html, nothing } from "lit-html";
import { clock, date, dateSaid, duration, isoDay, number, weekday } from "/app/format.js";
import { icon } from "/app/icons.js";
import { address } from "/app/router.js";
import { redraw } from "/app/screen.js";
import { t } from "/app/words.js";
import { unheard } from "/views/details.js";
import { history } from "/views/history.js";
import { cause, given, planned } from "/views/water-lists.js";
import * as watered from "/views/water-runs.js";

const SPANS = [7, 30, 90];
let days = 30;

export function diary(village, valve) {
  const { from, to } = watered.span(village, days);
  const { runs, known, error, cut } = watered.past(village, { device: valve.target, from, to });
  const wet = moisture(village, valve, from, to);
  const rows = byDay(village, valve, runs, wet);
  return html`<article class="diary"><h1>${t("diary-of", { name: valve.name })}</h1>
    <p>${village.name} · ${date(from, village.zone)} – ${date(to - 1, village.zone)}</p>
    <div class="choices no-print" role="group" aria-label=${t("how-far-back")}>${SPANS.map((n) => html`
      <button class="button" aria-pressed=${n === days} @click=${() => { days = n; redraw(); }}>${t("days", { n })}</button>`)}</div>
    ${!known ? unheard(error) : html`
      ${total(rows)}
      ${cut ? html`<p>${t("season-cut")}</p>` : nothing}
      ${rows.length === 0 ? html`<p>${t("diary-empty")}</p>` : rows.map((one) => day(village, one))}`}
    <button class="button main wide no-print" ?disabled=${!known} @click=${() => print()}>${icon("print")} ${t("print")}</button>
    <p>${t("diary-official")}</p>
    <p class="signature">${t("signature")}</p>
    <ul class="pages no-print"><li><a href=${address("water", valve.id)}>${icon("back")} <span>${valve.name}</span></a></li></ul></article>`;
}

/** The day's least and mean moisture by the plot's own probe: Map of 2026-11-21 → {least, mean}. */
function moisture(village, valve, from, to) {
  if (!valve.soil) return new Map();
  const { points } = history(village, `sensor/${valve.soil}`, "moisture_pct", { from, to, step: 86400 }, 600);
  return new Map(points?.map(([ms, least, mean]) => [isoDay(ms, village.zone), { least, mean }]));
}

function byDay(village, valve, runs, wet) {
  const found = new Map([...wet].map(([iso, soil]) => [iso, { iso, soil, shares: [] }]));
  for (const run of runs) {
    const iso = isoDay(run.slot, village.zone);
    const one = found.get(iso) ?? { iso, soil: null, shares: [] };
    one.shares.push(...watered.share(run, valve.target).map((zone) => ({ run, zone })));
    found.set(iso, one);
  }
  for (const one of found.values()) one.shares.sort((a, b) => a.run.slot - b.run.slot);
  return [...found.values()].sort((a, b) => (a.iso < b.iso ? 1 : -1));
}

function total(rows) {
  const zones = rows.flatMap((one) => one.shares.map(({ zone }) => zone)).filter((zone) => zone.done_s > 0);
  const counted = zones.filter((zone) => zone.litres !== null);
  const sum = (list, name) => list.reduce((all, zone) => all + zone[name], 0);
  return html`<p class="total"><b>${t("diary-total", { n: zones.length, time: duration(sum(zones, "done_s")) })}</b>
    ${counted.length ? html` · <b>${number(sum(counted, "litres"))} ${t("litres")}</b>` : nothing}</p>`;
}

function day(village, { iso, shares, soil }) {
  return html`<section class="day ${shares.length ? "" : "dry"}"><h2>${weekday(Date.parse(iso), "UTC")} ${dateSaid(iso)}</h2>
    ${shares.length === 0 ? html`<p class="none">${t("diary-none")}</p>` : html`<ul>${shares.map(({ run, zone }) => html`<li>
      <b>${clock(zone.started ?? run.slot, village.zone)} · ${given(zone)}</b>
      <span>${cause(run)} · ${t("planned", { amount: planned({ for_s: zone.planned_s, volume_l: zone.planned_l }) })}</span>
      ${zone.outcome === "done" && !zone.why ? nothing : html`<span>${watered.fate(zone)}</span>`}</li>`)}</ul>`}
    ${soil === null ? nothing : html`<p>${t("diary-soil", { least: number(soil.least, 1), mean: number(soil.mean, 1) })}</p>`}</section>`;
}
