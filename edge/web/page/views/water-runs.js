/* What was watered and what is due, from the requests `runs` and `plan`, read strictly.

   past(village, {device, from, to})  {runs, error, known, cut}: from and to are Unix ms; cut: there are older ones that were
                                     not asked for any more
   week(village, device)              the same of the last seven days and today
   plan(village, days)                {runs, putOff, trusted, known}
   notice(village)                    call it at each redraw: asks again when a run has begun or ended
   share(run, target)                 a valve's zones of a run
   lastWatered(runs, target)          the newest zone that got water, or null
   fate(zone or run)                  "bỏ qua: trời đang mưa" */
import { stale, wanted } from "/app/asked.js";
import { now } from "/app/clock.js";
import { dayStart } from "/app/format.js";
import { number, objects, string as text, time } from "/app/shapes.js";
import { has, language, t } from "/app/words.js";

const DAY = 86400000;
const MOST_PAGES = 10;
const FOLLOW_MS = 5000;
const asked = { at: -Infinity };

function ended(raw) {
  return { started: time(raw.started), ended: time(raw.ended), outcome: text(raw.outcome), why: text(raw.why), why_vi: text(raw.why_vi) };
}

function run(raw) {
  return {
    id: text(raw.id) ?? "", program: text(raw.program), user: text(raw.user), cause: text(raw.cause), slot: time(raw.slot), ...ended(raw),
    zones: objects(raw.zones).map((zone) => ({
      valve: text(zone.valve) ?? "", planned_s: number(zone.planned_s), planned_l: number(zone.planned_l),
      done_s: number(zone.done_s) ?? 0, litres: number(zone.litres), ...ended(zone),
    })),
  };
}

export function past(village, { device = null, from, to }) {
  const runs = [], seen = new Set();
  let end = new Date(to).toISOString(), page = null;
  for (let n = 0; n < MOST_PAGES; n += 1) {
    page = wanted(village, "runs", { ...(device ? { device } : {}), from: new Date(from).toISOString(), to: end });
    const found = objects(page.answer?.runs).map(run).filter((one) => one.slot !== null && !seen.has(one.id));
    for (const one of found) seen.add(one.id);
    runs.push(...found);
    if (page.answer?.more !== true || found.length === 0) break;
    end = new Date(found[found.length - 1].slot).toISOString();
  }
  followUp(village, runs);
  return { runs, error: page.error, known: page.answer !== null, cut: page.answer?.more === true };
}

/** A run that nothing waters any more is soon over in the cabinet's journal, too: asked again until it is. */
function followUp(village, runs) {
  const going = new Set(village.of("valve").map((valve) => valve.state?.run?.id));
  if (asked.at + FOLLOW_MS > now() || !runs.some((one) => one.outcome === null && !going.has(one.id))) return;
  asked.at = now();
  stale(village, "runs");
}

export const today = (village) => dayStart(now(), village.zone);
const tomorrow = (village) => dayStart(today(village) + 36 * 3600000, village.zone);

/** From the start of the day so many days ago up to the end of today: the same at each redraw of a day. */
export const span = (village, days) => ({ from: dayStart(today(village) - (days - 0.5) * DAY, village.zone), to: tomorrow(village) });

export const week = (village, device = null) => past(village, { device, ...span(village, 7) });

export function plan(village, days = 7) {
  const { answer, error } = wanted(village, "plan", { days });
  const runs = objects(answer?.runs).map((one) => ({
    id: text(one.run) ?? "", program: text(one.program) ?? "", at: time(one.at), until: time(one.until), by_soil: one.by_soil === true,
    zones: objects(one.zones).map((zone) => ({ valve: text(zone.device) ?? "", for_s: number(zone.for_s), volume_l: number(zone.volume_l) })),
  }));
  const until = time(answer?.put_off?.until);
  return {
    runs: runs.filter((one) => one.at !== null && one.at > now() - 60000), known: answer !== null, error, trusted: answer?.trusted !== false,
    putOff: until !== null && until > now() ? { until, by: text(answer.put_off.by) } : null,
  };
}

const signs = new Map();

export function notice(village) {
  const sign = village.of("valve").map((valve) => valve.state?.run?.id ?? "").join();
  if (signs.has(village.id) && signs.get(village.id) !== sign) {
    stale(village, "runs");
    stale(village, "plan");
  }
  signs.set(village.id, sign);
}

export const share = (one, target) => one.zones.filter((zone) => zone.valve === target);

export function lastWatered(runs, target) {
  const watered = runs.flatMap((one) => share(one, target)).filter((zone) => zone.started !== null && zone.done_s > 0);
  return watered.sort((a, b) => b.started - a.started)[0] ?? null;
}

export function fate({ outcome, why, why_vi }) {
  const word = has(`outcome.${outcome}`) ? t(`outcome.${outcome}`) : t("outcome.null");
  const reason = language() === "vi" ? why_vi ?? why : why;
  return reason ? t("outcome-why", { outcome: word, why: reason }) : word;
}
