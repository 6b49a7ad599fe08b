/* Programs of water and of sensors in words, and the words' own file: whoever imports this needs to load nothing.

   ready()                   whether the words are there; asks for them, and for a redraw when they have come
   duration(text)            seconds of "20m", or null
   written(seconds)          "20m"
   amount(text)              "20 phút" of "20m", "200 lít" of "200l"
   clockSaid(text)           "1 giờ trước mặt trời mọc" of "sunrise - 1h"
   at(text), atText(at)      {anchor, minutes} of a time of day and back; null for one that is written otherwise
   window(text)              {from, until} of "08:00..18:00", or null
   texts(flaws, path)        what is wrong there and below */
import { now } from "/app/clock.js";
import { duration as spoken, number } from "/app/format.js";
import { redraw, style } from "/app/screen.js";
import { load, t } from "/app/words.js";

const UNITS = { s: 1, m: 60, h: 3600, d: 86400 };
const DURATION = /^\s*(\d+(?:\.\d+)?)\s*([smhd])\s*$/;
const CLOCK = /^\s*(\d{1,2}):(\d\d)\s*$/;
const SUN = /^\s*(sunrise|sunset)(?:\s*([+-])\s*(\d+(?:\.\d+)?)\s*([smhd]))?\s*$/;
const RETRY_MS = 3000;
let there = false, tried = -Infinity;

export function ready() {
  if (!there && tried + RETRY_MS < now()) {
    tried = now();
    Promise.all([load("program"), style("program")]).then(() => { there = true; redraw(); }, () => setTimeout(redraw, RETRY_MS));
  }
  return there;
}

export function duration(text) {
  const found = DURATION.exec(text ?? "");
  return found ? Number(found[1]) * UNITS[found[2]] : null;
}

export function written(seconds) {
  const unit = ["d", "h", "m"].find((one) => seconds > 0 && seconds % UNITS[one] === 0) ?? "s";
  return `${seconds / UNITS[unit]}${unit}`;
}

export function litres(text) {
  const found = /^\s*(\d+(?:\.\d+)?)\s*l\s*$/.exec(text ?? "");
  return found ? Number(found[1]) : null;
}

export function amount(text) {
  if (litres(text) !== null) return `${number(litres(text), 1)} ${t("litres")}`;
  return duration(text) === null ? String(text) : long(duration(text));
}

export const long = (seconds) => (seconds % 86400 === 0 && seconds > 0 ? t("days", { n: seconds / 86400 }) : spoken(seconds));

export function at(text) {
  const clock = CLOCK.exec(text ?? "");
  if (clock) return { anchor: "clock", minutes: Number(clock[1]) * 60 + Number(clock[2]) };
  const sun = SUN.exec(text ?? "");
  if (!sun) return null;
  const seconds = sun[3] ? Number(sun[3]) * UNITS[sun[4]] : 0;
  return { anchor: sun[1], minutes: ((sun[2] === "-" ? -1 : 1) * seconds) / 60 };
}

export const hhmm = (minutes) => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

export function atText({ anchor, minutes }) {
  if (anchor === "clock") return hhmm(minutes);
  return minutes === 0 ? anchor : `${anchor} ${minutes < 0 ? "-" : "+"} ${written(Math.abs(minutes) * 60)}`;
}

export function clockSaid(text) {
  const found = at(text);
  if (found === null) return String(text);
  if (found.anchor === "clock") return hhmm(found.minutes);
  if (found.minutes === 0) return t(`p.${found.anchor}`);
  return t(found.minutes < 0 ? "p.before" : "p.after", { time: long(Math.abs(found.minutes) * 60), event: t(`p.${found.anchor}`) });
}

export function window(text) {
  const [from, until, ...rest] = String(text ?? "").split("..");
  return rest.length === 0 && CLOCK.test(from) && CLOCK.test(until ?? "") ? { from: hhmm(at(from).minutes), until: hhmm(at(until).minutes) } : null;
}

export function texts(flaws, path) {
  return [...(flaws ?? new Map())].filter(([where]) => where === path || where.startsWith(`${path}.`) || where.startsWith(`${path}[`)).map(([, text]) => text);
}
