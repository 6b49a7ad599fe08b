/* What asks for a person: `#/alarms` has all that are open, the gravest first, and below those that are over and waits
   only to be acknowledged; `#/alarms/<id>` has one: since when, what it means, what to do, and the way to say "I know". */
import { html, nothing } from "lit-html";
import { ask, whyNot } from "/app/asks.js";
import { holds, look as lookOfRaised, row } from "/app/attention.js";
import { ago, when } from "/app/format.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { by } from "/app/reasons.js";
import { address } from "/app/router.js";
import { redraw } from "/app/screen.js";
import { has, language, t } from "/app/words.js";
import { nameOf, pageOf } from "/views/where.js";

export const catalogue = "alarms";
export const stylesheet = "log";

const asked = new Map(); // village and alarm → {phase, message}

export const view = ({ village, path }) => (path.length === 0 ? all(village) : one(village, path[0]));

export function left() {
  asked.clear();
}

function all(village) {
  const open = village.openAlarms;
  const raised = open.filter((a) => a.state === "raised"), over = open.filter((a) => a.state === "cleared");
  return html`<h1>${t("page.alarms")}</h1>
    ${open.length > 0 ? nothing : html`<p class="message">${icon(village.status === "online" ? "ok" : "unknown")} ${t(village.status === "online" ? "alarms.none" : "alarms.none-known")}</p>`}
    ${list(village, t("alarms.open"), raised)}${list(village, t("alarms.over"), over)}`;
}

const list = (village, title, alarms) => (alarms.length === 0 ? nothing : html`<section><h2>${title} <small>${alarms.length}</small></h2>
  <ul>${alarms.map((alarm) => row(village, alarm, look(alarm), known(alarm)))}</ul></section>`);

const look = (alarm) => (alarm.state === "cleared" ? { tone: "over", drawing: "ok", word: `${t("alarms.over-short")}:` } : lookOfRaised(alarm));
const known = (alarm) => (alarm.acknowledged_by ? ` · ${t("alarms.known", { by: by(alarm.acknowledged_by) })}` : "");

function one(village, id) {
  const alarm = village.alarms.get(id);
  if (alarm === undefined) return gone(village, id);
  const { tone, drawing, word } = look(alarm);
  const told = (what) => (has(`alarm.${what}.${alarm.kind}`) ? t(`alarm.${what}.${alarm.kind}`) : t("alarms.unknown-kind"));
  return html`<h1 class="alarm ${tone}">${icon(drawing)} <span>${word} ${alarm.text[language()]}</span></h1>
    <p>${t("alarms.since", { time: when(alarm.at, village.zone), ago: ago(alarm.at) })}</p>
    ${alarm.cleared_at === null ? nothing : html`<p>${icon("ok")} ${t("alarms.cleared", { time: when(alarm.cleared_at, village.zone) })}</p>`}
    <p>${alarm.acknowledged_by ? t("alarms.acknowledged-by", { by: by(alarm.acknowledged_by) }) : t("alarms.not-acknowledged")}</p>
    <h2>${t("alarms.means")}</h2><p class="plain">${told("means")}</p>
    <h2>${t("alarms.do")}</h2><p class="plain">${told("do")}</p>
    ${has(`alarm.tech.${alarm.kind}`) ? html`<details class="fold"><summary>${t("alarms.tech")}</summary><p>${told("tech")}</p></details>` : nothing}
    ${device(village, alarm)}${acknowledge(village, alarm)}
    <p><a class="button wide" href=${address("alarms")}>${t("alarms.to-all")}</a></p>`;
}

function device(village, alarm) {
  const page = pageOf(village, alarm.device);
  return page === null ? nothing : html`<ul class="pages"><li><a href=${page}>${icon("home")} ${t("alarms.device", { name: nameOf(village, alarm.device) })} ${icon("next")}</a></li></ul>`;
}

function gone(village, id) {
  const done = asked.get(`${village.id} ${id}`)?.phase === "done";
  return html`<h1>${t("page.alarms")}</h1><p class="message" role="status">${icon(done ? "ok" : "info")} ${t(done ? "alarms.gone" : "alarms.gone-or-not-heard")}</p>
    <p><a class="button" href=${address("alarms")}>${t("alarms.to-all")}</a></p>`;
}

function acknowledge(village, alarm) {
  const it = asked.get(`${village.id} ${alarm.id}`);
  if (alarm.acknowledged_by && it === undefined) return nothing;
  const waiting = it?.phase === "waiting";
  return html`<section class="ack"><p>${says(alarm)}</p>
    ${alarm.acknowledged_by ? nothing : html`<button class="button main" ?disabled=${waiting || link.phase !== "up"} aria-busy=${waiting}
      @click=${() => know(village, alarm)}>${icon("ok")} ${t("alarms.acknowledge")}</button>`}
    <div role="status" aria-live="polite">${it === undefined ? nothing : html`<p class="outcome ${it.phase}">${icon(it.phase === "done" ? "ok" : waiting ? "clock" : "alarm")}
      ${t(`alarms.ack-${it.phase}`, { message: it.message })}</p>`}</div></section>`;
}

/** What acknowledging does, before it is done: it may set something free that was stopped for safety. */
function says(alarm) {
  if (holds(alarm)) return html`${t("alarms.ack-frees", { what: t(`alarms.the-${alarm.device.split("/")[0]}`) })} <b>${t("alarms.ack-frees-first")}</b>`;
  return alarm.state === "cleared" ? t("alarms.ack-ends") : t("alarms.ack-says");
}

async function know(village, alarm) {
  const key = `${village.id} ${alarm.id}`;
  const become = (phase, message = "") => {
    asked.set(key, { phase, message });
    redraw();
  };
  become("waiting");
  try {
    await ask(village, "alarm-ack", { alarm: alarm.id }, 3);
    become("done");
  } catch (error) {
    become(error.code === "unknown-alarm" ? "gone" : whyNot(error), error.message);
  }
}
