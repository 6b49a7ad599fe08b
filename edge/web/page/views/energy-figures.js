/* What meters counted, read off the answers to `energy`, and set side by side.

   monthNow(village), shift("2026-11", -1), begins(month, zone) → Unix ms, spanOf(period, zone) "15/10 – 14/11/2026"
   energy(village, meter, period, from, to) → {periods or null, error}; a period is {from, to (Unix ms), kwh, estimated,
     measured, amount, vat, vat_percent, complete, bill, difference}, a figure that is not known null
   monthOf(village, meter, month) → {meter, month, before, days, daysBefore, error}
   against(found)           a month beside the one before, over as many whole days while it runs; `fair`: enough of both
                            was measured
   isFair(period, …)        whether enough of each was measured
   sum(some)                of {kwh, amount, vat, estimated, measured}: null where one is null */
import { wanted } from "/app/asked.js";
import { now } from "/app/clock.js";
import { date, dayMonth, dayStart, isoDay } from "/app/format.js";
import { list, number as figure, object } from "/app/shapes.js";

const DAY = 86400000;
const ENOUGH = 0.95; // measured less than this, a month says little about another

export const monthNow = (village) => isoDay(now(), village.zone).slice(0, 7);

export function shift(month, by) {
  const [year, number] = month.split("-").map(Number);
  const n = year * 12 + number - 1 + by;
  return `${String(Math.floor(n / 12)).padStart(4, "0")}-${String((n % 12) + 1).padStart(2, "0")}`;
}

export const begins = (month, zone) => dayStart(`${month}-01`, zone);

export function spanOf({ from, to }, zone) {
  const year = (ms) => date(ms, zone).slice(-4);
  const first = year(from) === year(to - 1) ? dayMonth(from, zone) : date(from, zone);
  return `${first} – ${date(to - 1, zone)}`;
}

export function energy(village, meter, period, from, to) {
  const fields = { meter: meter.id, period, from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  const { answer, error } = wanted(village, "energy", fields, to < now() - DAY ? 3600 : 120);
  return { periods: periods(answer), error };
}

const read = new WeakMap();

function periods(answer) {
  if (answer === null) return null;
  if (!read.has(answer)) read.set(answer, list(answer.periods).map(shape).filter((p) => p !== null));
  return read.get(answer);
}

/** A bill or a difference, or null. */
export const paper = (x) => (object(x) ? { kwh: figure(x.kwh), amount: figure(x.amount) } : null);

function shape(raw) {
  const from = Date.parse(raw?.from), to = Date.parse(raw?.to);
  if (Number.isNaN(from) || Number.isNaN(to)) return null;
  return {
    from, to, kwh: figure(raw.kwh), estimated: figure(raw.kwh) === null ? null : figure(raw.interpolated_kwh) ?? 0, measured: figure(raw.measured) ?? 0,
    amount: figure(raw.amount), vat: figure(raw.vat), vat_percent: figure(raw.vat_percent), complete: raw.complete === true,
    bill: paper(raw.bill), difference: paper(raw.difference),
  };
}

export function monthOf(village, meter, month) {
  const [earlier, start, end] = [-1, 0, 1].map((by) => begins(shift(month, by), village.zone));
  const months = energy(village, meter, "month", earlier, end), days = energy(village, meter, "day", earlier, end);
  return {
    meter, month: months.periods?.find((p) => p.from === start) ?? null, before: months.periods?.find((p) => p.from === earlier) ?? null,
    days: days.periods?.filter((p) => p.from >= start) ?? null, daysBefore: days.periods?.filter((p) => p.from < start) ?? null,
    error: months.error ?? days.error,
  };
}

export function sum(some) {
  const all = (name) => (some.length > 0 && some.every((p) => p[name] !== null) ? some.reduce((total, p) => total + p[name], 0) : null);
  return { kwh: all("kwh"), amount: all("amount"), vat: all("vat"), estimated: all("estimated"), measured: Math.min(1, ...some.map((p) => p.measured)) };
}

export function against({ month, before, days, daysBefore }) {
  if (month === null || before === null) return null;
  if (month.complete) return { now: month, then: before, days: null, fair: isFair(month, before) };
  const whole = days?.filter((p) => p.complete) ?? [];
  if (whole.length === 0 || daysBefore === null) return null;
  const now = known(whole), then = known(daysBefore.slice(0, whole.length));
  return { now, then, days: whole.length, fair: isFair(now, then) };
}

/** Of days: what those come to of which anything is known; how much of their time that is stands beside it. */
function known(days) {
  const some = days.filter((p) => p.kwh !== null);
  return { ...sum(some), measured: days.reduce((total, p) => total + p.measured, 0) / Math.max(1, days.length) };
}

export const isFair = (...both) => both.every((p) => p.kwh !== null && p.measured >= ENOUGH);
