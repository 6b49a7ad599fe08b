/* What the editors of programs share: the draft that a person makes of a program, and how it gets into force.

   programs(village)      {list, at, error}: those in force, each {program, kind, rev, by, at, body}; null until heard
   followers(village, found)  names of what follows a program, or is watered by it
   begunEdit(village, id) the Edit that was begun, or null
   edit(village, found)   the Edit of a program, begun when there is none; takes in what was put meanwhile
   dirty(edit)            whether the draft differs from what it was begun from
   changed(edit, path)    after each change of edit.draft; what was found wrong below that path is forgotten
   save, takeBack, takeTheirs, putMine, discard (edit)

   An Edit has: village, id, rev, was (the body it was begun from), draft, phase ("", "saving", "saved", "undone",
   "silent", "lost" (it had not arrived), "offline", "refused"), error, flaws (Map path → text, as the cabinet told them), theirs (what somebody else put meanwhile, or
   null), undo ({body, until} or null), stored. A draft that was not saved is kept for as long as the tab is. */
import { ask, whyNot } from "/app/asks.js";
import { stale, wanted } from "/app/asked.js";
import { now } from "/app/clock.js";
import { redraw } from "/app/screen.js";
import { object, objects, string, time } from "/app/shapes.js";

const UNDO_MS = 300000;
const edits = new Map();
const seen = new Map(); // village → the revs that `about` told when the programs were last asked for

const key = (village, id) => `program:${village.id}/${id}`;
const copy = (body) => structuredClone(body);

/** The same text for equal bodies, in whatever order their keys stand. */
const plain = (x) => JSON.stringify(x, (_, value) => (object(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value));
export const same = (a, b) => plain(a) === plain(b);

export function programs(village) {
  const revs = plain(village.about.programs);
  if (seen.has(village.id) && seen.get(village.id) !== revs) stale(village, "programs");
  seen.set(village.id, revs);
  const { answer, at, error } = wanted(village, "programs");
  const found = answer === null ? null : objects(answer.programs).filter(isProgram).map((p) => ({
    program: p.program, kind: String(p.body.kind), rev: p.rev, body: p.body, by: string(p.by), at: time(p.at),
  }));
  return { list: found, at, error };
}

const isProgram = (p) => typeof p.program === "string" && Number.isInteger(p.rev) && object(p.body);

export function followers(village, { program, kind, body }) {
  if (kind !== "irrigation") return village.of(kind === "light" ? "light" : "switch").filter((one) => one.program === program).map((one) => one.name);
  const ids = objects(body.zones).flatMap(Object.keys);
  return [...new Set(ids)].map((id) => village.device("valve", id)?.name ?? id);
}

export function edit(village, found) {
  const name = key(village, found.program);
  const it = begunEdit(village, found.program) ?? begun(village, found);
  edits.set(name, it);
  const heard = programs(village).at;
  if (heard > it.asOf && it.phase !== "saving") follow(it, found, heard);
  return it;
}

/** The Edit that was begun, also before the page was loaded anew, or null. */
export function begunEdit(village, id) {
  const name = key(village, id);
  return edits.get(name) ?? restored(name, village);
}

function begun(village, { program, rev, body }) {
  return { ...blank(village, program), rev, was: body, draft: copy(body) };
}

const blank = (village, id) => ({ village, id, phase: "", error: null, flaws: new Map(), theirs: null, undo: null, stored: true, asOf: -Infinity });

function restored(name, village) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(name) ?? "null");
    return kept && { ...blank(village, kept.id), rev: kept.rev, was: kept.was, draft: kept.draft };
  } catch {
    return null;
  }
}

function keep(it) {
  const name = key(it.village, it.id);
  try {
    if (dirty(it)) sessionStorage.setItem(name, JSON.stringify({ id: it.id, rev: it.rev, was: it.was, draft: it.draft }));
    else sessionStorage.removeItem(name);
  } catch { /* no room: the draft lives as long as the page */ }
}

/** Takes in what is in force now: nothing is lost of a draft that somebody else overtook. */
function follow(it, found, heard) {
  it.asOf = heard;
  if (found.rev === it.rev) {
    if (it.phase === "silent") it.phase = "lost";
    return;
  }
  const arrived = same(found.body, it.draft);
  if (dirty(it) && !arrived) it.theirs = found;
  else adopt(it, found);
  if (arrived && it.phase === "silent") it.phase = "saved";
}

function adopt(it, { rev, body }) {
  Object.assign(it, { rev, was: body, draft: copy(body), theirs: null, undo: null, flaws: new Map() });
  keep(it);
}

export const dirty = (it) => !same(it.was, it.draft);

export function changed(it, path = "") {
  for (const flaw of [...it.flaws.keys()]) if (flaw.startsWith(path)) it.flaws.delete(flaw);
  if (it.phase !== "saving") it.phase = "";
  keep(it);
  redraw();
}

export async function save(it, phase = "saved") {
  const body = copy(it.draft), former = it.was;
  Object.assign(it, { phase: "saving", error: null, flaws: new Map() });
  redraw();
  try {
    const { rev, stored } = await ask(it.village, "program-put", { program: it.id, rev: it.rev, body });
    Object.assign(it, { rev, was: body, phase, stored: stored !== false, asOf: now(), theirs: null });
    it.undo = phase === "saved" ? { body: former, until: now() + UNDO_MS } : null;
  } catch (error) {
    refused(it, error);
  }
  keep(it);
  stale(it.village, "programs");
  redraw();
}

function refused(it, error) {
  Object.assign(it, { error, asOf: now() });
  it.phase = whyNot(error);
  it.flaws = new Map(objects(error.answer?.error?.flaws).map(({ path, text }) => [String(path), String(text)]));
}

/** Whether the last save can be taken back: not long ago, and nothing was changed since. */
export const canTakeBack = (it) => it.undo !== null && it.undo.until > now() && !dirty(it) && it.phase !== "saving";

/** Puts the former body back, as a change of its own. */
export function takeBack(it) {
  it.draft = copy(it.undo.body);
  return save(it, "undone");
}

export function takeTheirs(it) {
  adopt(it, it.theirs);
  it.phase = "";
  redraw();
}

/** Puts the draft in the place of what somebody else has put meanwhile. */
export function putMine(it) {
  Object.assign(it, { rev: it.theirs.rev, was: it.theirs.body, theirs: null });
  return save(it);
}

export function discard(it) {
  it.draft = copy(it.was);
  it.flaws = new Map();
  it.phase = "";
  changed(it);
}
