/* Answers that a page needs while it is looked at: asked for when first wanted, again when they have grown old, and
   kept meanwhile.

   wanted(village, name, fields, seconds) → {answer, error, at, asking}; answer is null until there is one and stays the
     last one while a newer is asked for; error is the Refused of the last try. `fields` must be the same at each redraw:
     no time of now in it, but one that was rounded.
   stale(village, name)  what was heard of that request is asked for again at the next redraw, and so is what is
     under way now

   Six are under way at once at most; the others follow. */
import { ask } from "/app/asks.js";
import { now } from "/app/clock.js";
import { link } from "/app/link.js";
import { redraw } from "/app/screen.js";

const RETRY_MS = 10000;
const MOST = 300;
const AT_ONCE = 6; // the controller lets some fifty questions wait, of all who ask
const kept = new Map();
let flying = 0;

export function wanted(village, name, fields = {}, seconds = 300) {
  const key = `${village.id} ${name} ${JSON.stringify(fields)}`;
  const it = kept.get(key) ?? { answer: null, error: null, at: -Infinity, tried: -Infinity, asking: false };
  kept.delete(key);
  kept.set(key, it);
  if (kept.size > MOST) kept.delete(kept.keys().next().value);
  const due = it.at + seconds * 1000 < now() && it.tried + RETRY_MS < now();
  if (due && !it.asking && flying < AT_ONCE && link.phase === "up") fetchInto(it, village, name, fields);
  return it;
}

async function fetchInto(it, village, name, fields) {
  flying += 1;
  Object.assign(it, { asking: true, tried: now(), outdated: false });
  try {
    Object.assign(it, { answer: await ask(village, name, fields), error: null, at: it.outdated ? -Infinity : now() });
  } catch (error) {
    it.error = error;
  }
  it.asking = false;
  flying -= 1;
  redraw();
}

export function stale(village, name) {
  for (const [key, it] of kept) if (key.startsWith(`${village.id} ${name} `)) Object.assign(it, { at: -Infinity, tried: -Infinity, outdated: true });
}
