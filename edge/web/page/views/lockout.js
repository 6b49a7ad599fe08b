/* Locking an output while somebody works on it, and releasing it: what was asked, and what came of it.

   lock(village, target, circuit, note), release(village, target, circuit)  circuit null: all of it
   locking(village, target)  {phase, message} or null; phase: "waiting", "accepted", "done", "rejected", "failed", "unsent",
                             or "silent": no answer. A broker drops what a user may not send without a word
   drop(village, target)     the person has read it */
import { now } from "/app/clock.js";
import { link, publish, random } from "/app/link.js";
import { redraw } from "/app/screen.js";
import { listen } from "/app/store.js";

const SILENT_MS = 3000;
const EXPIRES_MS = 10000;
const asked = new Map();

const key = (village, target) => `${village.id}/${target}`;
export const locking = (village, target) => asked.get(key(village, target)) ?? null;
export const lock = (village, target, circuit, note) => send(village, target, { locked: true, ...(note ? { note } : {}), ...(circuit === null ? {} : { circuit }) });
export const release = (village, target, circuit) => send(village, target, { locked: false, ...(circuit === null ? {} : { circuit }) });

export function drop(village, target) {
  asked.delete(key(village, target));
  redraw();
}

function send(village, target, fields) {
  const it = { id: `l-${random(12)}`, phase: "waiting", message: "" };
  asked.set(key(village, target), it);
  const message = { ...fields, id: it.id, expires_at: new Date(now() + EXPIRES_MS).toISOString() };
  publish(`village/${village.id}/${target}/lockout/${link.user}`, JSON.stringify(message)).catch(() => become(it, "unsent"));
  setTimeout(() => it.phase === "waiting" && become(it, "silent"), SILENT_MS);
  redraw();
}

function become(it, phase, message = "") {
  Object.assign(it, { phase, message });
  redraw();
}

listen((village, leaf, result) => {
  const it = leaf[2] === "result" ? asked.get(`${village.id}/${leaf[0]}/${leaf[1]}`) : undefined;
  if (it && it.id === result.id) become(it, result.outcome === "superseded" ? "done" : result.outcome, result.error?.message ?? result.detail);
});
