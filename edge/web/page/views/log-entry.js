/* The trail's entries (docs/mqtt.md, audit): read(raw) takes one strictly, null if there is nothing to be made of it;
   said(village, entry) → {text, more}: one sentence, and lines below it. */
import { capital, clock, dateSaid, kwh, money, number, when } from "/app/format.js";
import { by } from "/app/reasons.js";
import { list, number as figure, object, string, time } from "/app/shapes.js";
import { has, t } from "/app/words.js";
import { nameOf } from "/views/where.js";

export function read(raw) {
  const at = time(raw?.at);
  if (at === null) return null;
  const error = object(raw.error), changed = object(raw.changed) ?? {};
  return {
    at, user: string(raw.user, 40), device: string(raw.device, 80), id: string(raw.id, 80), refused: raw.outcome !== "accepted",
    action: string(raw.action, 20), request: string(raw.request, 40), level: figure(raw.level), until: time(raw.until),
    note: string(raw.note), circuit: string(raw.circuit, 40), alarm: string(raw.alarm), program: string(raw.program, 40),
    error: error && { code: string(error.code, 40) ?? "", message: string(error.message, 400) ?? "" },
    isNew: object(raw.was)?.rev === 0, from: string(raw.from, 20), bill: bill(raw.bill), was: bill(raw.was),
    changed: Object.entries(changed).slice(0, 20).filter(([, pair]) => Array.isArray(pair)).map(([path, pair]) => [path.slice(0, 80), value(pair[0]), value(pair[1])]),
    unsaid: figure(raw.more) ?? 0, cancelled: list(raw.cancelled).length,
  };
}

const bill = (raw) => (object(raw) ? { kwh: figure(raw.kwh), amount: figure(raw.amount) } : null);
const value = (x) => (x === null || x === undefined ? null : (typeof x === "string" ? x : JSON.stringify(x)).slice(0, 200));

/** Two tellings of one thing, as it happened and from the card, have the same. */
export const key = (entry) => [entry.at, entry.user, entry.id, entry.device, entry.refused, entry.action ?? entry.request].join(" ");

export function said(village, entry) {
  const who = by(entry.user), what = entry.device === null ? "" : nameOf(village, entry.device);
  const core = entry.refused ? refused(entry, who, what) : entry.request ? asked(village, entry, who, what) : commanded(entry, who, what);
  const text = t("log.at", { said: core, time: clock(entry.at, village.zone) });
  const until = entry.refused || entry.until === null || !["on", "off", "open"].includes(entry.action) ? "" : t("log.until", { time: when(entry.until, village.zone) });
  return { text: capital(text) + until, more: more(village, entry) };
}

function commanded({ action, level, circuit }, who, what) {
  if (action === "on" && level !== null && level < 100) return t("log.on-level", { who, what, level: number(level) });
  const name = circuit === null ? `log.${action}` : `log.${action}-circuit`;
  return has(name) ? t(name, { who, what, circuit }) : t("log.other", { who, what, action: action ?? "" });
}

function refused({ request, device }, who, what) {
  if (request) return t("log.refused-request", { who, request: has(`log.request.${request}`) ? t(`log.request.${request}`) : request });
  return device === null ? t("log.refused-nothing", { who }) : t("log.refused", { who, what });
}

function asked(village, entry, who, what) {
  switch (entry.request) {
    case "alarm-ack": return entry.alarm === null ? t("log.alarm-ack", { who }) : t("log.alarm-ack-of", { who, alarm: alarmSaid(village, entry.alarm) });
    case "program-put": return t(entry.isNew ? "log.program-new" : entry.changed.length ? "log.program-put" : "log.program-same", { who, program: programSaid(village, entry.program ?? "") });
    case "bill-put": return t(entry.bill ? "log.bill-put" : "log.bill-gone", { who, what, from: entry.from === null ? "" : dateSaid(entry.from) });
    case "rain-delay": return entry.until === null ? t("log.rain-over", { who }) : t("log.rain-delay", { who, time: when(entry.until, village.zone) });
    case "stop-water": return t("log.stop-water", { who });
    default: return t("log.request-other", { who, request: has(`log.request.${entry.request}`) ? t(`log.request.${entry.request}`) : entry.request });
  }
}

/** A program by its id, and by the devices that follow it. */
function programSaid(village, id) {
  const names = [...village.devices.values()].filter((device) => device.program === id).map((device) => device.name);
  return names.length ? `${id} (${names.join(", ")})` : id;
}

/** `<alarm kind>:<kind>:<id>` in words. */
function alarmSaid(village, id) {
  const [kind, ...device] = id.split(":");
  const title = has(`alarm.title.${kind}`) ? t(`alarm.title.${kind}`) : kind;
  return `${title} (${nameOf(village, device.join("/"))})`;
}

function more(village, entry) {
  const lines = [];
  if (entry.refused && entry.error) lines.push(t("log.because", { why: because(entry.error) }));
  if (entry.note) lines.push(t("log.note", { note: entry.note }));
  if (entry.request === "bill-put" && !entry.refused) lines.push(t("log.bill", { now: billSaid(entry.bill), was: billSaid(entry.was) }));
  if (entry.request === "stop-water" && !entry.refused) lines.push(t("log.cancelled", { n: entry.cancelled }));
  for (const [path, was, now] of entry.changed) lines.push(t("log.changed", { where: place(path), was: was ?? t("log.none"), now: now ?? t("log.none") }));
  if (entry.unsaid > 0) lines.push(t("log.changed-more", { n: entry.unsaid }));
  return lines;
}

function because({ code, message }) {
  const known = [`error.${code}`, `log.error.${code}`].find(has);
  return known ? t(known) : message;
}

const billSaid = (it) => (it === null ? t("log.none") : [it.kwh === null ? "" : kwh(it.kwh), it.amount === null ? "" : money(it.amount)].filter(Boolean).join(" · ") || t("log.none"));

/** `steps[0].at` in words: "bước 1, lúc". */
function place(path) {
  return path.split(".").map((part) => {
    const [name, ...at] = part.split(/[[\]]+/).filter(Boolean);
    return [has(`log.key.${name}`) ? t(`log.key.${name}`) : name, ...at.map((n) => (/^\d+$/.test(n) ? Number(n) + 1 : n))].join(" ");
  }).join(", ");
}
