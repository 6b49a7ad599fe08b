/* The village's lights, and one of them: how it is and why, how bright, for how long, the coming night, its circuits. */
import { html, nothing } from "lit-html";
import { send } from "/app/commands.js";
import { answer, row } from "/app/controls.js";
import { clock, nextAt, number, quantity, when } from "/app/format.js";
import { askHowLong } from "/app/how-long.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { now } from "/app/clock.js";
import { isOn, said, why } from "/app/reasons.js";
import { address } from "/app/router.js";
import { language, t } from "/app/words.js";
import { allButtons } from "/views/home.js";
import { askUntil, litLevels } from "/views/light-until.js";
import { nightStrip } from "/views/light-night.js";
import { detailsSaid } from "/views/light-details.js";
import { levelSaid } from "/views/light-times.js";

export const catalogue = ["lights", "programs"];
export const stylesheet = "lights";

const LATE = "01:00";

export function view({ village, path }) {
  const light = path.length ? village.device("light", path[0]) : null;
  if (light) return one(village, light);
  return path.length ? html`<h1>${t("lights")}</h1><p class="message">${icon("alarm")} ${t("light.gone")}</p>` : all(village);
}

function all(village) {
  const lights = village.of("light");
  return html`<h1>${t("lights")}</h1>
    <h2 class="quiet">${t("lit-of", { n: lights.filter(isOn).length, all: lights.length })}</h2>
    ${lights.map((light) => row(village, light, { more: then(village, light) }))}
    ${allButtons(village, lights)}
    <ul class="pages"><li><a href=${address("programs")}>${icon("calendar")} ${t("light.programs")} ${icon("next")}</a></li></ul>`;
}

function then(village, { state }) {
  if (!state?.next?.at) return nothing;
  const named = { time: when(state.next.at, village.zone), level: levelSaid(state.next.level ?? 0) };
  return html`<p class="figure">${t(state.next.at === state.until ? "light.then" : "light.then-at", named)}</p>`;
}

function one(village, light) {
  return html`<h1>${light.name}</h1>
    ${alarms(village, light)}
    ${how(village, light)}
    ${choices(village, light)}
    <section aria-labelledby="night-head"><h2 id="night-head">${t("night")}</h2>${nightStrip(village, light)}${program(light)}</section>
    <section aria-labelledby="circuits-head"><h2 id="circuits-head">${t("light.circuits")}</h2>${circuits(light)}</section>
    <section aria-labelledby="more-head"><h2 id="more-head">${t("light.more")}</h2>${facts(village, light)}</section>`;
}

/** What is wrong with this light, and raised. */
function alarms(village, light) {
  return village.openAlarms.filter((alarm) => alarm.device === light.target && alarm.state === "raised").map((alarm) => html`
    <a class="alarm ${alarm.severity}" href=${address("alarms", alarm.id)}>${icon("alarm")} <span><b>${t(`severity.${alarm.severity}`)}</b> ${alarm.text[language()]}</span>${icon("next")}</a>`);
}

function how(village, light) {
  const { word, tone } = said(light), { state } = light;
  const other = state !== null && state.level !== null && state.observed !== "unknown" && state.level !== state.observed_level;
  return html`<div class="device one ${tone}" role="status" aria-live="polite">
    <p class="state">${icon(state?.reason === "lockout" ? "lock" : state?.reason === "hand" ? "hand" : "light")} ${word}</p>
    <p class="why">${why(village, light)}</p>
    ${other ? html`<p class="why">${t("light.wanted", { level: levelSaid(state.level) })}</p>` : nothing}
    ${detailsSaid(state?.detail ?? "").map((text) => html`<p class="why">${icon("info")} ${text}</p>`)}
    ${state?.since ? html`<p class="figure">${t("light.since", { time: when(state.since, village.zone) })}</p>` : nothing}
  </div>`;
}

function choices(village, light) {
  const { state } = light, levels = litLevels(light);
  const off = link.phase !== "up";
  const does = (fields) => send(village, light.target, fields);
  const lit = (level) => state?.observed === "ON" && state.observed_level === level;
  const byProgram = ["program", "photocell", "default"].includes(state?.reason);
  return html`<div class="choices levels" role="group" aria-label=${t("how-bright")}>
      ${levels.map((level) => html`<button class="button switch" ?disabled=${off} aria-pressed=${lit(level)} @click=${() => does({ action: "on", level })}>${levels.length > 1 ? `${number(level)} %` : t("do.on")}</button>`)}
      <button class="button switch" ?disabled=${off} aria-pressed=${state?.observed === "OFF"} @click=${() => does({ action: "off" })}>${t("do.off")}</button>
      <button class="button switch" ?disabled=${off} aria-pressed=${byProgram} @click=${() => does({ action: "auto" })}>${t("light.auto")}</button>
    </div>
    ${answer(village, light)}
    <h2>${t("light.how-long")}</h2>
    <div class="choices how-long">
      ${isEvening(village) ? html`<button class="button main" ?disabled=${off} @click=${() => does({ action: "on", level: Math.max(...levels), until: new Date(nextAt(LATE, village.zone)).toISOString() })}>${icon("moon")} ${t("light.tonight", { time: LATE })}</button>` : nothing}
      <button class="button" ?disabled=${off} aria-haspopup="dialog" @click=${() => askUntil(village, light)}>${icon("clock")} ${t("light.until-which")}</button>
      <button class="button" ?disabled=${off} aria-haspopup="dialog" @click=${() => askHowLong(village, light)}>${icon("clock")} ${t("light.for-how-long")}</button>
    </div>`;
}

/** From the afternoon to one at night "until 01:00" means tonight; in the morning it would burn all day. */
function isEvening(village) {
  const time = clock(now(), village.zone);
  return time >= "15:00" || time < LATE;
}

function program(light) {
  if (light.program === null) return html`<p>${t("light.no-program")}</p>`;
  return html`<ul class="pages"><li><a href=${address("programs", light.program)}>${icon("edit")} ${t("light.program")} ${icon("next")}</a></li></ul>
    <p class="quiet">${t("light.ahead")}</p>`;
}

function circuits({ state }) {
  if (!state?.circuits.length) return html`<p>${t("unknown")}</p>`;
  return html`<ul class="circuits">${state.circuits.map((c) => html`<li>
    <h3>${t("circuit", { id: c.id.toUpperCase() })}</h3>
    <p><b>${icon(c.observed === null ? "unknown" : c.observed ? "light" : "moon")} ${t(c.observed === null ? "unknown" : c.observed ? "circuit.on" : "circuit.off")}</b></p>
    ${c.locked ? html`<p>${icon("lock")} ${t("reason.lockout")}</p>` : nothing}
    ${c.observed === null || c.observed === c.on ? nothing : html`<p>${icon("alarm")} ${t(c.on ? "circuit.should-burn" : "circuit.should-rest")}</p>`}
    <p class="quiet">${c.hours === null ? t("unknown") : t("circuit.hours", { n: number(c.hours) })}</p></li>`)}</ul>`;
}

function facts(village, light) {
  return html`<ul class="facts">${power(village, light)}
    ${light.lamps === null ? nothing : html`<li>${t("light.lamps", { n: number(light.lamps) })}</li>`}
    ${light.rated_w === null ? nothing : html`<li>${t("light.rated", { power: quantity(light.rated_w, "W") })}</li>`}</ul>`;
}

/** A meter's power is the light's where it feeds nothing else. */
function power(village, light) {
  const meter = light.meter && village.device("meter", light.meter);
  if (!meter) return html`<li>${t("light.no-meter")}</li>`;
  const others = [...village.devices.values()].filter((one) => one.meter === light.meter && one.target !== light.target).map((one) => one.name);
  if (others.length) return html`<li>${t("light.shared", { meter: meter.name, names: others.join(", ") })}</li>`;
  return html`<li>${t("light.power", { power: quantity(village.figure(meter, "power_w"), "W") })}</li>`;
}
