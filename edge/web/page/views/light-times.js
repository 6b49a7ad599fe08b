/* Times and levels of a light's program, as the configuration writes them and as a person says them.

   read(text)        {anchor: "clock", "sunset" or "sunrise"; minutes; bounds}, or null if it cannot be read; minutes are
                     after midnight, or after (before, if negative) the sun's event; bounds: "not before 17:45" and such
   write(at)         the text
   said(at)          "10 phút trước khi mặt trời lặn"
   levelSaid(level)  "sáng 33 %", "tắt"
   nightOf(village, ms)  the night, noon to noon, in which a time lies: {noon, end, sunset, sunrise}, Unix ms
   during(at, night)     when it comes in that night, Unix ms, within some minutes
   span(text)        seconds of a duration such as "45m", or null */
import { dayStart, duration, number } from "/app/format.js";
import { sunrise, sunset } from "/app/sun.js";
import { has, t } from "/app/words.js";

const HALF_DAY = 43200000, DAY = 86400000, MINUTE = 60000;
const UNIT_S = { s: 1, m: 60, h: 3600, d: 86400 };

export function span(text) {
  const found = /^\s*(\d+(?:\.\d+)?)\s*([smhd])\s*$/.exec(text);
  return found && Number(found[1]) * UNIT_S[found[2]];
}

export function read(text) {
  const [head, ...bounds] = String(text).split(",").map((part) => part.trim());
  const clock = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(head);
  if (clock) return bounds.length ? null : { anchor: "clock", minutes: Number(clock[1]) * 60 + Number(clock[2]), bounds };
  const sun = /^(sunrise|sunset)(?:\s*([+-])\s*(.+))?$/.exec(head);
  const offset_s = sun?.[3] ? span(sun[3]) : 0;
  if (!sun || offset_s === null || !bounds.every((one) => BOUND.test(one))) return null;
  return { anchor: sun[1], minutes: ((sun[2] === "-" ? -1 : 1) * offset_s) / 60 || 0, bounds };
}

const BOUND = /^not\s+(before|after)\s+(([01]?\d|2[0-3]):[0-5]\d)$/;
export const hhmm = (minutes) => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

export function write({ anchor, minutes, bounds }) {
  if (anchor === "clock") return hhmm(minutes);
  const size = Math.abs(minutes);
  const offset = minutes === 0 ? "" : ` ${minutes < 0 ? "-" : "+"} ${Number.isInteger(size) ? `${size}m` : `${Math.round(size * 60)}s`}`;
  return [`${anchor}${offset}`, ...bounds].join(", ");
}

export function said({ anchor, minutes, bounds }) {
  if (anchor === "clock") return hhmm(minutes);
  const way = minutes === 0 ? "at" : minutes < 0 ? "before" : "after";
  return [t(`time.${anchor}.${way}`, { time: duration(Math.abs(minutes) * 60) }), ...bounds.map(boundSaid)].join(", ");
}

function boundSaid(bound) {
  const [, side, time] = BOUND.exec(bound);
  return t(`time.not-${side}`, { time });
}

/** A step's time as it is written, in words; what cannot be read stands as it is. */
export const saidOf = (text) => (read(text) ? said(read(text)) : String(text));

export function levelSaid(level) {
  if (level === 0) return t("level.off");
  if (level === 100) return t("level.full");
  const part = `level.part.${level}`;
  return has(part) ? t("level.part", { level: number(level), part: t(part) }) : t("level.some", { level: number(level) });
}

export function nightOf(village, ms) {
  const { latitude, longitude } = village.about.site;
  const noon = dayStart(ms - HALF_DAY, village.zone) + HALF_DAY;
  const [lat, lon] = [latitude ?? 16, longitude ?? 106];
  const set = sunset(noon, lat, lon);
  return { noon, end: dayStart(noon + DAY, village.zone) + HALF_DAY, sunset: set, sunrise: sunrise(set, lat, lon) };
}

export function during({ anchor, minutes, bounds }, night) {
  const byClock = (of) => night.noon + (of * MINUTE - HALF_DAY) + (of * MINUTE < HALF_DAY ? DAY : 0);
  if (anchor === "clock") return byClock(minutes);
  let at = night[anchor] + minutes * MINUTE;
  for (const bound of bounds) {
    const [, side, time] = BOUND.exec(bound);
    at = (side === "before" ? Math.max : Math.min)(at, byClock(read(time).minutes));
  }
  return at;
}
