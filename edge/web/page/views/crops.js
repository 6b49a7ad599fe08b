/* Crops: `#/crops` switches and sensors; `#/crops/<sensor or switch>` one of them. */
import { html, nothing } from "lit-html";
import { row } from "/app/controls.js";
import { duration, quantity } from "/app/format.js";
import { icon } from "/app/icons.js";
import { address } from "/app/router.js";
import { t } from "/app/words.js";
import { conditionSaid, follows, summary, unitOf } from "/views/climate-words.js";
import { curve, thumbnail } from "/views/curve.js";
import { detailSaid } from "/views/details.js";
import { cropSensors, figures } from "/views/home.js";
import { programs } from "/views/program-save.js";

export const catalogue = ["crops", "field", "program-fields"];
export const stylesheet = ["crops", "field"];

const MOST_PICTURES = 12; // each asks the cabinet once

export function view({ village, path }) {
  const climate = programs(village).list ?? [];
  if (path.length === 0) return overview(village, climate);
  const found = [village.device("switch", path[0]), village.device("sensor", path[0])].filter(Boolean);
  if (found.length === 0) return html`<p class="message">${icon("unknown")} ${t("no-such-crop")}</p>`;
  return found.map((device) => (device.kind === "switch" ? machine(village, device, climate) : sensor(village, device, climate)));
}

function overview(village, climate) {
  const switches = village.of("switch"), sensors = cropSensors(village);
  if (switches.length + sensors.length === 0) return html`<h1>${t("crops")}</h1><p class="message">${icon("crop")} ${t("no-crops")}</p>`;
  return html`<h1>${t("crops")}</h1>
    ${switches.length === 0 ? nothing : html`<section aria-labelledby="switches-head"><h2 id="switches-head">${t("switches")}</h2>
      ${switches.map((one) => row(village, one, { more: goesBy(village, one, climate) }))}</section>`}
    ${sensors.length === 0 ? nothing : html`<section aria-labelledby="sensors-head"><h2 id="sensors-head">${t("sensors")}</h2>
      <ul class="figures sensors">${sensors.map((one, n) => html`<li><a href=${address("crops", one.id)}><b>${one.name}</b><span>${figures(village, one, 3)}</span>
        ${limits(village, one, climate)}${n < MOST_PICTURES && one.quantities.length ? thumbnail(village, one, one.quantities[0]) : nothing}</a></li>`)}</ul></section>`}
    <ul class="pages"><li><a href=${address("programs")}>${icon("calendar")} ${t("programs-of-crops")} ${icon("next")}</a></li></ul>`;
}

const nameOf = (village, { body }) => village.device("switch", body.target)?.name ?? String(body.target);

/** Beside a sensor: what it moves, and at which figures. */
function limits(village, one, climate) {
  return follows(climate, one).flatMap((found) => found.conditions.map((condition) => html`<small>${nameOf(village, found)}: ${conditionSaid(village, condition)}</small>`));
}

/** Beside a switch: the figures that it goes by, and at which of them it moves. */
function goesBy(village, one, climate) {
  return follows(climate, one).flatMap((found) => found.conditions.map((condition) => {
    const by = village.device("sensor", condition.sensor);
    return html`<p class="figure">${by?.name ?? String(condition.sensor)}: ${quantity(by ? village.figure(by, condition.quantity) : null, unitOf(village, condition))}. ${conditionSaid(village, condition)}</p>`;
  }));
}

function machine(village, one, climate) {
  const detail = detailSaid(village, one);
  const own = follows(climate, one)[0];
  return html`<h1>${one.name}</h1><h2 class="aside">${t("at-present")}</h2>
    ${row(village, one, { more: html`${detail ? html`<p class="why">${detail}</p>` : nothing}${goesBy(village, one, climate)}` })}
    ${one.max_on_s === null ? nothing : html`<p>${t("most-on", { time: duration(one.max_on_s) })}</p>`}
    ${one.default_s === null ? nothing : html`<p>${t("default-on", { time: duration(one.default_s) })}</p>`}
    <section aria-labelledby="program-head"><h2 id="program-head">${t("its-program")}</h2>
      ${own ? html`<ul class="words">${summary(village, own.body).map((line) => html`<li>${line}</li>`)}</ul>
        <ul class="pages"><li><a href=${address("programs", own.program)}>${icon("edit")} ${t("change-program")} ${icon("next")}</a></li></ul>`
      : html`<p>${t(one.program === null ? "no-program" : "asking")}</p>`}</section>
    ${own ? [...new Set(own.conditions.map((condition) => condition.sensor))].map((id) => village.device("sensor", id)).filter(Boolean).map((by) => html`
      <section aria-labelledby="by-${by.id}"><h2 id="by-${by.id}"><a href=${address("crops", by.id)}>${by.name}</a></h2>${curves(village, by, own.conditions, climate)}</section>`) : nothing}`;
}

function sensor(village, one, climate) {
  const silent = village.silent(one);
  return html`<h1>${one.name}</h1>
    ${silent ? html`<p class="message">${icon("offline")} ${t("sensor-silent")}</p>` : nothing}
    ${waters(village, one)}<h2 class="aside">${t("at-present")}</h2>
    ${curves(village, one, null, climate)}`;
}

/** The quantities of a sensor; with `only`, those that these conditions go by. */
function curves(village, one, only, climate) {
  const wanted = one.quantities.filter((q) => only === null || only.some((condition) => condition.sensor === one.id && condition.quantity === q.name));
  const by = follows(climate, one);
  return wanted.map((q) => curve(village, one, q, { marks: by.flatMap((found) => found.conditions.filter((c) => c.quantity === q.name).flatMap((c) => marks(village, found, c))) }));
}

function marks(village, found, condition) {
  const words = `${nameOf(village, found)}: ${conditionSaid(village, condition)}`;
  const ends = ["on_above", "on_below", "off_above", "off_below"].filter((key) => typeof condition[key] === "number");
  return ends.map((key, n) => ({ at: condition[key], label: `${nameOf(village, found)}, ${t(key.startsWith("on") ? "do.on" : "do.off")}`, said: n === 0 ? words : "" }));
}

function waters(village, one) {
  const valves = village.of("valve").filter((valve) => valve.soil === one.id);
  return valves.length === 0 ? nothing : html`<p>${t("soil-of")} ${valves.map((valve, n) => html`${n ? ", " : ""}<a class="inline" href=${address("water", valve.id)}>${valve.name}</a>`)}</p>`;
}
