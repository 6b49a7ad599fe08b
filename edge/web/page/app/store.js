/* What the villages say: the picture that every view draws from.

   apply(topic, payload, at)  takes one message (payload: string); false if nothing could be made of it
   villages()                 those seen, by name
   village(id)                one, or undefined
   listen(fn)                 fn(topic parts, shape) for what is not kept: results and replies
   snapshot() / restore(x)    what is kept on the phone for the next opening

   A Village has: id, name, status ("online", "offline", "unknown"), statusAt, time, about, devices (Map target → device
   with .state and .reading), alarms (Map id → alarm). */
import * as shapes from "/app/shapes.js";

class Village {
  constructor(id) {
    Object.assign(this, { id, said: "unknown", bridge: null, statusAt: null, time: null, about: null });
    this.devices = new Map();
    this.alarms = new Map();
    this.raw = new Map(); // leaf → payload, as retained: the next opening begins with it
    this.waiting = new Map(); // states and readings that came before `about`
  }

  /** "offline" also where the controller is cut off from a district's broker, which still has its last word. */
  get status() {
    return this.bridge === false ? "offline" : this.said;
  }

  get name() {
    return this.about?.site.name ?? this.id;
  }

  get zone() {
    return this.about?.site.timezone ?? "Asia/Ho_Chi_Minh";
  }

  of(kind) {
    return [...this.devices.values()].filter((device) => device.kind === kind);
  }

  device(kind, id) {
    return this.devices.get(`${kind}/${id}`);
  }

  /** Open alarms, the gravest and newest first. */
  get openAlarms() {
    const weight = { critical: 0, warning: 1, info: 2 };
    const rank = (a) => (a.state === "raised" ? 0 : 10) + (a.acknowledged_by ? 5 : 0) + weight[a.severity];
    return [...this.alarms.values()].sort((a, b) => rank(a) - rank(b) || b.at - a.at);
  }

  /** Whether its figures cannot be had now: no reading, or the controller says that it is silent. */
  silent(device) {
    return !device?.reading || this.alarms.get(`device-silent:${device.kind}:${device.id}`)?.state === "raised";
  }

  /** When the newest of what it says was so, Unix ms: how old the picture of a village that is away is. */
  get newest() {
    const times = [...this.devices.values()].flatMap((d) => [d.reading?.at, d.state?.since]).filter(Boolean);
    return times.length ? Math.max(...times) : this.statusAt;
  }

  /** A figure of a meter or a sensor, or null while it is unknown. */
  figure(device, quantity) {
    return this.silent(device) ? null : device.reading.values[quantity] ?? null;
  }

  takeAbout(about) {
    const before = this.devices;
    this.about = about;
    this.devices = new Map();
    for (const device of about.devices) {
      const known = before.get(device.target) ?? {};
      const early = this.waiting.get(device.target) ?? {};
      this.devices.set(device.target, { ...device, state: early.state ?? known.state ?? null, reading: early.reading ?? known.reading ?? null });
    }
    this.waiting.clear();
  }

  take(target, what, shape) {
    const device = this.devices.get(target);
    if (device) device[what] = shape;
    else if (!this.about && this.waiting.size < 1000) this.waiting.set(target, { ...this.waiting.get(target), [what]: shape });
    else return false;
    return true;
  }
}

const all = new Map();
const listeners = new Set();

export const villages = () => [...all.values()].filter((v) => v.about).sort((a, b) => a.name.localeCompare(b.name, "vi"));
export const village = (id) => all.get(id);
export const listen = (fn) => (listeners.add(fn), () => listeners.delete(fn));

export function apply(topic, payload, at) {
  const parts = topic.split("/");
  if (parts[0] !== "village" || !shapes.isId(parts[1]) || parts.length < 3) return false;
  const id = parts[1], leaf = parts.slice(2);
  if (!all.has(id) && all.size >= 500) return false;
  const it = all.get(id) ?? new Village(id);
  const understood = taken(it, leaf, payload, at);
  if (understood) all.set(id, it);
  if (understood === "keep") it.raw.set(leaf.join("/"), payload);
  return Boolean(understood);
}

function taken(it, leaf, payload, at) {
  const [first, second, third] = leaf;
  if (leaf.length === 1 && (first === "status" || first === "link")) return takenPresence(it, first, payload, at) && "keep";
  if (first === "alarm" && leaf.length === 2) return takenAlarm(it, second, payload, at);
  const raw = shapes.json(payload);
  if (raw === null) return false;
  if (leaf.length === 1 && first === "about") {
    const about = shapes.about(raw);
    if (about === null || about.site.id !== it.id) return false;
    it.takeAbout(about);
    return "keep";
  }
  if (leaf.length === 1 && first === "time") return (it.time = shapes.controllerTime(raw)) && "keep";
  if (leaf.length === 3 && shapes.KINDS.includes(first) && (third === "state" || third === "reading")) {
    const shape = shapes[third](raw);
    if (shape === null || !shapes.isId(second)) return false;
    return it.take(`${first}/${second}`, third, shape) && "keep";
  }
  return tell(it, leaf, raw);
}

function takenPresence(it, leaf, payload, at) {
  const before = it.status;
  if (leaf === "status" && ["online", "offline"].includes(payload)) it.said = payload;
  else if (leaf === "link" && ["0", "1"].includes(payload)) it.bridge = payload === "1";
  else return false;
  if (it.status !== before) it.statusAt = at;
  return true;
}

function takenAlarm(it, id, payload, at) {
  if (payload === "") {
    it.alarms.delete(id);
    it.raw.delete(`alarm/${id}`);
    return true;
  }
  const shape = shapes.alarm(shapes.json(payload), id);
  if (shape === null) return false;
  it.alarms.set(id, { ...shape, heard: at });
  return "keep";
}

function tell(it, leaf, raw) {
  const shape = leaf[2] === "result" && leaf.length === 3 ? shapes.result(raw) : raw;
  if (shape === null) return false;
  for (const fn of listeners) fn(it, leaf, shape);
  return true;
}

export function snapshot() {
  return [...all.values()].map((v) => [v.id, [...v.raw]]);
}

/** Draws the last picture again; everything in it is old until the link says otherwise. */
export function restore(kept, at) {
  for (const [id, raw] of kept) {
    for (const [leaf, payload] of [["about", new Map(raw).get("about") ?? ""], ...raw]) apply(`village/${id}/${leaf}`, payload, at);
    const it = all.get(id);
    if (it) Object.assign(it, { said: "unknown", bridge: null, statusAt: at });
  }
}

/** At a new link nobody knows whether a controller still speaks, until its status has come again. */
export function doubtStatus() {
  for (const it of all.values()) Object.assign(it, { said: "unknown", bridge: null });
}

/** At a new link everything retained comes again: alarms that were last heard before it are over. */
export function dropAlarmsBefore(at) {
  for (const it of all.values()) {
    for (const alarm of it.alarms.values()) {
      if (alarm.heard < at) takenAlarm(it, alarm.id, "");
    }
  }
}
