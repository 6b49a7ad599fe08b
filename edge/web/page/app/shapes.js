/* What arrives over MQTT, read strictly: each function gives an object of the shape that docs/mqtt.md describes, with
   absent or strange parts left out, or null when there is nothing to be made of it. Nothing after this looks at a raw
   payload, but the views that ask for answers: these read them by string, number, list, object, objects and time. */
const ID = /^[a-z0-9][a-z0-9-]{0,31}$/;
export const KINDS = ["light", "valve", "pump", "switch", "meter", "sensor"];

export const string = (x, most = 200) => (typeof x === "string" ? x.slice(0, most) : null);
export const number = (x) => (typeof x === "number" && Number.isFinite(x) ? x : null);
export const list = (x) => (Array.isArray(x) ? x : []);
export const object = (x) => (typeof x === "object" && x !== null && !Array.isArray(x) ? x : null);
export const objects = (x) => list(x).filter(object);
export const time = (x) => (typeof x === "string" && !Number.isNaN(Date.parse(x)) ? Date.parse(x) : null);
function zone(x) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: string(x) ?? "" }) && x;
  } catch {
    return null; // this browser does not know it
  }
}

export const isId = (x) => typeof x === "string" && ID.test(x);

/** The JSON object in a payload of at most 512 KiB, or null. */
export function json(payload) {
  if (payload.length > 524288) return null;
  try {
    return object(JSON.parse(payload));
  } catch {
    return null;
  }
}

export function about(raw) {
  const site = object(raw?.site);
  if (site === null || !isId(site.id)) return null;
  const devices = objects(raw.devices).filter((d) => isId(d.id) && KINDS.includes(d.kind)).slice(0, 1000);
  const programs = objects(raw.programs).filter((p) => isId(p.id) && string(p.kind));
  return {
    contract: number(raw.contract),
    version: string(raw.version) ?? "",
    site: {
      id: site.id, name: string(site.name, 80) ?? site.id, latitude: number(site.latitude), longitude: number(site.longitude),
      timezone: zone(site.timezone) ?? "Asia/Ho_Chi_Minh",
    },
    devices: devices.map(device),
    programs: programs.map((p) => ({ id: p.id, kind: string(p.kind), rev: number(p.rev) ?? 0 })),
    tariff: isId(raw.tariff?.id) ? raw.tariff.id : null,
  };
}

function device(d) {
  const quantities = objects(d.quantities).filter((q) => string(q.name));
  return {
    id: d.id, kind: d.kind, target: `${d.kind}/${d.id}`, name: string(d.name, 80) || d.id, area: string(d.area, 80),
    levels: list(d.levels).filter((l) => number(l) !== null), circuits: number(d.circuits), lamps: number(d.lamps),
    rated_w: number(d.rated_w), meter: isId(d.meter) ? d.meter : null, program: isId(d.program) ? d.program : null,
    pump: isId(d.pump) ? d.pump : null, flow: isId(d.flow) ? d.flow : null, soil: isId(d.soil) ? d.soil : null,
    valves: list(d.valves).filter(isId), max_on_s: number(d.max_on_s), default_s: number(d.default_s),
    model: string(d.model, 80), tariff: isId(d.tariff) ? d.tariff : null, billing_day: number(d.billing_day),
    quantities: quantities.map((q) => ({ name: string(q.name, 60), unit: string(q.unit, 20) ?? "" })),
  };
}

/** A light's, valve's, pump's or switch's state; times are Unix ms. */
export function state(raw) {
  if (!string(raw?.state)) return null;
  const next = object(raw.next), run = object(raw.run);
  return {
    state: raw.state, level: number(raw.level), observed: string(raw.observed) ?? "unknown",
    observed_level: number(raw.observed_level), reason: string(raw.reason) ?? "", until: time(raw.until),
    by: string(raw.by, 40), command: string(raw.command, 80), program: isId(raw.program) ? raw.program : null,
    since: time(raw.since), detail: string(raw.detail, 400) ?? "", locked: raw.locked === true,
    next: next && { at: time(next.at), level: number(next.level), program: string(next.program, 40) },
    circuits: objects(raw.circuits).filter((c) => isId(c.id)).map((c) => ({
      id: c.id, on: c.on === true, observed: typeof c.observed === "boolean" ? c.observed : null,
      hours: number(c.hours), locked: c.locked === true,
    })),
    valves: list(raw.valves).filter(isId),
    run: run && {
      id: string(run.id, 120), zone: number(run.zone), zones: number(run.zones), planned_s: number(run.planned_s),
      done_s: number(run.done_s) ?? 0, planned_l: number(run.planned_l), litres: number(run.litres),
      phase: string(run.phase, 20) ?? "",
    },
  };
}

export function reading(raw) {
  const values = object(raw?.values), at = time(raw?.at);
  if (values === null || at === null) return null;
  const kept = Object.entries(values).filter(([name, x]) => name.length < 60 && number(x) !== null);
  return {
    at, quality: raw.quality === "suspect" ? "suspect" : "good", life: number(raw.life) ?? 1,
    suspect: list(raw.suspect).filter((s) => string(s)), values: Object.fromEntries(kept),
  };
}

export function alarm(raw, id) {
  const at = time(raw?.at), kind = string(raw?.kind, 40);
  if (at === null || !kind) return null;
  const text = object(raw.text) ?? {};
  return {
    id, kind, state: raw.state === "cleared" ? "cleared" : "raised",
    severity: ["info", "warning", "critical"].includes(raw.severity) ? raw.severity : "warning",
    device: string(raw.device, 80) ?? "", text: { vi: string(text.vi, 400) ?? kind, en: string(text.en, 400) ?? kind },
    data: object(raw.data) ?? {}, at, cleared_at: time(raw.cleared_at), acknowledged_by: string(raw.acknowledged_by, 40),
  };
}

export function result(raw) {
  const outcomes = ["done", "accepted", "superseded", "rejected", "failed"];
  if (!outcomes.includes(raw?.outcome)) return null;
  const error = object(raw.error);
  return {
    id: string(raw.id, 80), user: string(raw.user, 40), outcome: raw.outcome, detail: string(raw.detail, 400) ?? "",
    error: error && { code: string(error.code, 40) ?? "", message: string(error.message, 400) ?? "" },
  };
}

export const controllerTime = (raw) => (object(raw) ? { now: time(raw.now), trusted: raw.trusted === true, source: string(raw.source, 20) } : null);
