/* A watering program in words, and what is wrong with one: summary and wrong, as /views/programs.js wants them; and
   wayOfDays(body), wayOfTime(body), zoneOf(zone): how the body says it. */
import { capital, dateSaid, duration, number } from "/app/format.js";
import { list, object } from "/app/shapes.js";
import { has, t } from "/app/words.js";
import { saidOf, span } from "/views/light-times.js";
import { amount, litres, long, window, windowSaid } from "/views/program-terms.js";
import { weekdays } from "/views/weekdays.js";

export const block = (x) => object(x) ?? {};
export const zonesOf = (body) => list(body.zones);

export const wayOfDays = (body) => ["days", "every", "month_days"].find((key) => body[key] !== undefined) ?? "daily";
export const wayOfTime = (body) => ["start", "finish_before", "window"].find((key) => body[key] !== undefined) ?? "start";

/** {valve, seconds, litres} of `{plot-1: 20m}`; null for what cannot be read. */
export function zoneOf(zone) {
  const [[valve, text] = [], ...more] = Object.entries(block(zone));
  if (valve === undefined || more.length || (litres(text) === null && span(text) === null)) return null;
  return { valve, seconds: litres(text) === null ? span(text) : null, litres: litres(text) };
}

const named = (village, id) => village.device("valve", id)?.name ?? id;

export function summary(village, body) {
  return [capital(daysSaid(body)), capital(timeSaid(body)), ...zonesOf(body).map((zone, n) => zoneSaid(village, zone, n)), ...restSaid(body)].filter(Boolean);
}

export function daysSaid(body) {
  const only = [body.dates ?? []].flat().map(String);
  const days = {
    daily: () => t("p.every-day"), days: () => weekdays(body.days).map((day) => (has(`day.${day}`) ? t(`day.${day}`) : day)).join(", "),
    month_days: () => t("p.month-days", { days: String(body.month_days) }),
    every: () => t("p.every", { time: amount(body.every), date: dateSaid(body.starting) }),
  }[wayOfDays(body)]();
  return only.length ? `${days}; ${t("p.only", { dates: only.map(datesSaid).join(", ") })}` : days;
}

const short = (text) => (/^\d\d-\d\d$/.test(text) ? text.split("-").reverse().join("/") : dateSaid(text));
const datesSaid = (text) => text.split("..").map(short).join(" – ");

function timeSaid(body) {
  const way = wayOfTime(body);
  if (way === "window") {
    const { soil_below, soil_above } = block(body.start_when);
    return t("p.by-soil", { window: windowSaid(body.window), below: number(soil_below, 1), above: number(soil_above, 1) });
  }
  return body[way] === undefined ? "" : t(`p.${way}`, { time: saidOf(body[way]) });
}

function zoneSaid(village, zone, n) {
  const found = zoneOf(zone);
  return found === null ? `${n + 1}. ${JSON.stringify(zone)}` : `${n + 1}. ${named(village, found.valve)}: ${amount(Object.values(zone)[0])}`;
}

function restSaid(body) {
  const skip = block(body.skip_when), season = block(body.season);
  const wet = skip.soil_above === undefined ? "" : t(skip.soil_below === undefined ? "p.skip-soil" : "p.skip-soil-until", { above: number(skip.soil_above, 1), below: number(skip.soil_below, 1) });
  const resume = /^\s*within\s+(.+)$/.exec(body.resume ?? "");
  return [
    body.cycle === undefined ? "" : t("p.cycle-said", { cycle: amount(body.cycle), soak: amount(body.soak) }),
    skip.rain === true ? t(span(skip.rain_delay) ? "p.skip-rain-after" : "p.skip-rain", { time: long(span(skip.rain_delay) ?? 0) }) : "",
    wet,
    Object.keys(season).length ? t("p.season-said", { months: Object.entries(season).map(([month, share]) => t("p.month-share", { month, share: number(share) })).join(", ") }) : "",
    resume ? t("p.resume-said", { time: amount(resume[1]) }) : "",
  ];
}

/** What the cabinet would refuse, said before it is asked, in the person's language. */
export function wrong(village, body) {
  const found = new Map();
  if (wayOfDays(body) === "days" && weekdays(body.days).length === 0) found.set("days", t("wrong.no-day"));
  if (wayOfDays(body) === "month_days" && !monthDays(body.month_days)) found.set("month_days", t("wrong.month-days"));
  if (zonesOf(body).length === 0) found.set("zones", t("wrong.no-zone"));
  zonesOf(body).forEach((zone, i) => {
    const text = wrongZone(village, body, zoneOf(zone));
    if (text) found.set(`zones[${i}]`, text);
  });
  const hours = window(body.window), skip = block(body.skip_when), when = block(body.start_when);
  if (hours && hours.from === hours.until) found.set("window", t("wrong.window"));
  if (when.soil_above <= when.soil_below) found.set("start_when.soil_above", t("wrong.soil-start"));
  if (skip.soil_below > skip.soil_above) found.set("skip_when.soil_below", t("wrong.soil-skip"));
  if (["start", "finish_before"].every((key) => body[key] === undefined) && body.window === undefined) found.set("start", t("wrong.no-time"));
  return found;
}

/** Of a zone: longer at a stretch, in the month that waters most, than its valve may be open; or measured by nothing. */
function wrongZone(village, body, zone) {
  const valve = village.device("valve", zone?.valve);
  if (!valve) return "";
  if (zone.litres !== null) return valve.flow === null ? t("wrong.no-flow", { name: valve.name }) : "";
  if (body.window !== undefined && valve.soil === null) return t("wrong.no-probe", { name: valve.name });
  const most = Math.max(...Array.from({ length: 12 }, (_, i) => block(body.season)[i + 1] ?? 100)) / 100;
  const stretch = Math.min(span(body.cycle) ?? Infinity, zone.seconds * most);
  return valve.max_on_s !== null && stretch > valve.max_on_s ? t("wrong.zone-long", { most: duration(valve.max_on_s) }) : "";
}

function monthDays(text) {
  const days = String(text).split(",").map((day) => day.trim());
  return days.every((day) => /^\d{1,2}$/.test(day) && Number(day) >= 1 && Number(day) <= 31) && new Set(days.map(Number)).size === days.length;
}
