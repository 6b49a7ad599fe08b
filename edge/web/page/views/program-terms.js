/* Amounts and hours of watering and climate programs, as the configuration writes them and as a person says them.

   written(seconds)                 "20m"
   litres(text)                     200 of "200l", or null
   amount(text), long(seconds)      "20 phút" of "20m", "200 lít" of "200l"; "3 ngày"
   window(text), windowSaid(text)   {from, until} of "08:00..18:00", or null; "từ 08:00 đến 18:00" */
import { duration, number } from "/app/format.js";
import { t } from "/app/words.js";
import { hhmm, read, span } from "/views/light-times.js";

const UNIT_S = [["d", 86400], ["h", 3600], ["m", 60]];

export function written(seconds) {
  const [unit, size] = UNIT_S.find(([, one]) => seconds > 0 && seconds % one === 0) ?? ["s", 1];
  return `${seconds / size}${unit}`;
}

export function litres(text) {
  const found = /^\s*(\d+(?:\.\d+)?)\s*l\s*$/.exec(text);
  return found ? Number(found[1]) : null;
}

export const long = (seconds) => (seconds > 0 && seconds % 86400 === 0 ? t("days", { n: seconds / 86400 }) : duration(seconds));

export function amount(text) {
  if (litres(text) !== null) return `${number(litres(text), 1)} ${t("litres")}`;
  return span(text) === null ? String(text) : long(span(text));
}

export function window(text) {
  const ends = String(text ?? "").split("..").map(read);
  return ends.length === 2 && ends.every((end) => end?.anchor === "clock") ? { from: hhmm(ends[0].minutes), until: hhmm(ends[1].minutes) } : null;
}

export const windowSaid = (text) => (window(text) ? t("p.window", window(text)) : String(text));
