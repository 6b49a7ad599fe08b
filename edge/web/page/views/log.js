/* Who did what: `#/log`, the newest first, by days, from the controller's trail; while the page is open also what
   happens now. Filters by device (the cabinet looks through its trail) and by person (of what is shown). */
import { html, nothing } from "lit-html";
import { ask } from "/app/asks.js";
import { now } from "/app/clock.js";
import { date, dayStart, isoDay, weekday } from "/app/format.js";
import { icon } from "/app/icons.js";
import { also, link } from "/app/link.js";
import { by } from "/app/reasons.js";
import { redraw } from "/app/screen.js";
import { list } from "/app/shapes.js";
import { listen } from "/app/store.js";
import { t } from "/app/words.js";
import { key, read, said } from "/views/log-entry.js";

export const catalogue = ["log", "alarms"]; // the latter for the names of alarms that were acknowledged
export const stylesheet = "log";

const DAY = 86400000;
const FIRST_DAYS = 2, EARLIER_DAYS = [7, 30, 90, 365];
const MOST = 3000;
const RETRY_MS = 10000;
let trail = null; // what is known of one village's trail, of one device or of all
let person = "";
let endings = [];

export function entered({ village, path }) {
  left();
  begin(village, path.length === 2 ? path.join("/") : "");
  endings = [also(`village/${village.id}/audit`), listen(heard)];
}

export function left() {
  for (const end of endings) end();
  endings = [];
}

function begin(village, device) {
  trail = { village, device, entries: new Map(), from: null, days: 0, asking: false, error: null, tried: -Infinity, epoch: null };
}

function heard(village, leaf, raw) {
  const entry = leaf[0] === "audit" && leaf.length === 1 && village.id === trail.village.id ? read(raw) : null;
  if (entry === null || (trail.device && entry.device !== trail.device)) return;
  trail.entries.set(key(entry), entry);
  if (trail.entries.size > MOST) trail.entries.delete(key([...trail.entries.values()].reduce((a, b) => (a.at <= b.at ? a : b))));
  redraw();
}

/** What the newest days have; at a new link once more, for what happened meanwhile. */
function keepUp() {
  if (link.phase !== "up" || trail.asking || trail.epoch === link.since || trail.tried + RETRY_MS > now()) return;
  const epoch = link.since, zone = trail.village.zone;
  bring(dayStart(now(), zone) - (FIRST_DAYS - 1) * DAY, dayStart(now(), zone) + 2 * DAY, () => { trail.epoch = epoch; });
}

function earlier() {
  const days = EARLIER_DAYS[Math.min(trail.days, EARLIER_DAYS.length - 1)];
  const before = trail.entries.size;
  bring(trail.from - days * DAY, trail.from, () => { trail.days = trail.entries.size > before ? 0 : trail.days + 1; });
}

async function bring(from, to, then) {
  const mine = trail;
  Object.assign(mine, { asking: true, tried: now(), error: null });
  redraw();
  try {
    const fields = { from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...(mine.device ? { device: mine.device } : {}) };
    const answer = await ask(mine.village, "audit", fields);
    const entries = list(answer.entries).map(read).filter(Boolean);
    for (const entry of entries) if (mine.entries.size < MOST) mine.entries.set(key(entry), entry);
    const reached = answer.more === true && entries.length ? entries.at(-1).at : from;
    mine.from = mine.from === null ? reached : Math.min(mine.from, reached);
    then();
  } catch (error) {
    mine.error = error;
  }
  mine.asking = false;
  redraw();
}

export function view({ village }) {
  if (trail === null || trail.village.id !== village.id) begin(village, "");
  trail.village = village;
  keepUp();
  const all = [...trail.entries.values()].sort((a, b) => b.at - a.at);
  const shown = person === "" ? all : all.filter((entry) => (entry.user ?? "") === person);
  return html`<h1>${t("page.log")}</h1>${filters(village, all)}
    ${days(village, shown)}${foot(shown)}`;
}

function filters(village, all) {
  const people = [...new Set(all.map((entry) => entry.user).filter(Boolean))].sort();
  return html`<div class="filters">
    <label>${t("log.device")} <select @change=${(event) => { begin(village, event.target.value); redraw(); }}>
      <option value="" ?selected=${trail.device === ""}>${t("log.all")}</option>
      ${[...village.devices.values()].map((d) => html`<option value=${d.target} ?selected=${trail.device === d.target}>${d.name} (${t(`log.kind.${d.kind}`)})</option>`)}</select></label>
    <label>${t("log.person")} <select @change=${(event) => { person = event.target.value; redraw(); }}>
      <option value="" ?selected=${person === ""}>${t("log.everybody")}</option>
      ${people.map((user) => html`<option value=${user} ?selected=${person === user}>${by(user)}</option>`)}</select></label></div>`;
}

function days(village, entries) {
  return [...grouped(entries, village.zone)].map(([day, those]) => html`<section><h2>${dayName(village, day, those[0].at)}</h2>
    <ul class="trail">${those.map((entry) => row(village, entry))}</ul></section>`);
}

function grouped(entries, zone) {
  const found = new Map();
  for (const entry of entries) {
    const day = isoDay(entry.at, zone);
    if (!found.has(day)) found.set(day, []);
    found.get(day).push(entry);
  }
  return found;
}

function dayName(village, day, at) {
  if (day === isoDay(now(), village.zone)) return t("log.today");
  if (day === isoDay(now() - DAY, village.zone)) return t("log.yesterday");
  return `${weekday(at, village.zone)}, ${date(at, village.zone)}`;
}

const sentences = new WeakMap(); // what is drawn ten times a second is put into words once

function row(village, entry) {
  if (!sentences.has(entry)) sentences.set(entry, said(village, entry));
  const { text, more } = sentences.get(entry);
  return html`<li class=${entry.refused ? "refused" : ""}>${icon(entry.refused ? "close" : "ok")}<div><p>${text}</p>${more.map((line) => html`<p class="under">${line}</p>`)}</div></li>`;
}

function foot(shown) {
  if (trail.asking) return html`<p class="message" role="status">${icon("clock")} ${t("log.loading")}</p>`;
  if (trail.error) {
    const again = trail.from === null || trail.epoch === null ? () => { trail.tried = -Infinity; keepUp(); } : earlier;
    return html`<p class="outcome" role="status">${icon("alarm")} ${problem(trail.error)}</p><button class="button wide" ?disabled=${link.phase !== "up"} @click=${again}>${t("again")}</button>`;
  }
  if (trail.from === null) return html`<p class="message">${icon("offline")} ${t("log.not-yet")}</p>`;
  return html`${shown.length ? nothing : html`<p class="message">${icon("info")} ${t("log.nothing")}</p>`}
    <p class="under">${t("log.since", { date: date(trail.from, trail.village.zone) })}</p>
    <button class="button wide" ?disabled=${link.phase !== "up"} @click=${earlier}>${icon("log")} ${t("log.earlier")}</button>`;
}

function problem(error) {
  if (error.code === "silent") return t("log.silent");
  return error.code === "offline" ? t("log.not-yet") : error.message;
}
