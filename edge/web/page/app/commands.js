/* Switching: what was asked of a device, and what came of it.

   send(village, target, fields, {undo})  fields as in docs/mqtt.md: {action, level, for_s, until, volume_l}
   sendAll(village, devices, fields, name)  the same to several at once, with one undo for all of them, called `name`
   pending(village, target)  {phase, fields, error} or null; phase: "waiting", "accepted" (it waits in the cabinet),
                             "silent" (no answer within 3 s), "unsent" (not connected), "rejected", "failed"
   dismiss(village, target)  the person has read it
   undoable()                {name, fields, undo(), until} while the last thing done can be taken back

   Nothing is sent, nor kept to be sent, while the link is down. */
import { now } from "/app/clock.js";
import { link, publish, random } from "/app/link.js";
import { listen } from "/app/store.js";
import { redraw } from "/app/screen.js";

const SILENT_MS = 3000;
const EXPIRES_MS = 10000;
const SHOWN_MS = 20000; // so long a refusal stays to be read
const UNDO_MS = 5000;
const asked = new Map();
let last = null;

const key = (village, target) => `${village.id}/${target}`;

export function pending(village, target) {
  return asked.get(key(village, target)) ?? null;
}

export function dismiss(village, target) {
  asked.delete(key(village, target));
  redraw();
}

export function undoable() {
  return last !== null && last.until > now() ? last : null;
}

export function send(village, target, fields, { undo = true } = {}) {
  const id = `c-${random(12)}`;
  const back = undo ? takenBack(village.devices.get(target), fields) : null;
  const it = { id, village, target, fields, phase: "waiting", error: null, at: now(), back };
  asked.set(key(village, target), it);
  last = null;
  const message = { ...fields, id, expires_at: new Date(now() + EXPIRES_MS).toISOString() };
  publish(`village/${village.id}/${target}/set/${link.user}`, JSON.stringify(message)).catch(() => move(it, "unsent"));
  setTimeout(() => it.phase === "waiting" && move(it, "silent"), SILENT_MS);
  redraw();
  return it;
}

export function sendAll(village, devices, fields, name) {
  const backs = devices.map((device) => [device.target, takenBack(device, fields)]).filter(([, back]) => back !== null);
  const all = devices.map((device) => send(village, device.target, fields, { undo: false }));
  const open = new Set(all);
  for (const it of all) {
    it.over = (outcome) => {
      open.delete(it);
      it.outcome = outcome;
      if (open.size > 0 || !all.some((one) => one.outcome === "done")) return;
      offer(name, fields, () => backs.forEach(([target, back]) => send(village, target, back, { undo: false })));
    };
  }
}

function move(it, phase, error = null) {
  Object.assign(it, { phase, error });
  if (phase !== "waiting") it.over?.(phase);
  if (phase !== "waiting" && phase !== "accepted") setTimeout(() => asked.get(key(it.village, it.target)) === it && dismiss(it.village, it.target), SHOWN_MS);
  redraw();
}

listen((village, leaf, result) => {
  if (leaf[2] !== "result") return;
  const it = asked.get(`${village.id}/${leaf[0]}/${leaf[1]}`);
  if (!it || it.id !== result.id) return;
  if (result.outcome === "done" || result.outcome === "superseded") finish(it, result.outcome);
  else move(it, result.outcome, result.error ?? { code: "", message: result.detail });
});

function finish(it, outcome) {
  asked.delete(key(it.village, it.target));
  it.over?.(outcome);
  const { village, target, fields, back } = it;
  if (outcome === "done" && back !== null) {
    offer(village.devices.get(target)?.name ?? target, fields, () => send(village, target, back, { undo: false }));
  }
  redraw();
}

function offer(name, fields, takeBack) {
  const undo = () => { last = null; takeBack(); };
  last = { name, fields, undo, until: now() + UNDO_MS };
  setTimeout(redraw, UNDO_MS + 50);
}

/** The command that brings back what was before, or null when there is none. */
function takenBack(device, fields) {
  const was = device?.state;
  if (!was || ["pause", "resume", "skip"].includes(fields.action)) return null;
  const left_s = was.until === null ? null : Math.round((was.until - now()) / 1000);
  if (device.kind === "valve") {
    if (fields.action === "open") return was.state === "CLOSED" ? { action: "close" } : null;
    if (was.state !== "OPEN" || !was.run) return null;
    const { planned_s, done_s, planned_l, litres } = was.run;
    if (planned_l) return { action: "open", volume_l: Math.max(1, Math.round(planned_l - (litres ?? 0))) };
    return planned_s ? { action: "open", for_s: Math.max(60, Math.round(planned_s - done_s)) } : null;
  }
  if (was.reason !== "override") return { action: "auto" };
  const bound = left_s !== null && left_s >= 1 ? { for_s: left_s } : {};
  return was.state === "ON" ? { action: "on", ...(was.level ? { level: was.level } : {}), ...bound } : { action: "off", ...bound };
}
