/* Numbers, money and times as the village writes them: 1.234,5 · 21/11/2026 · 1.234.500 đ. Times are Unix ms, shown by
   the village's clock. Vietnamese and English alike write 24 hours. */
import { now } from "/app/clock.js";
import { language, t } from "/app/words.js";

const DAY = 86400000;
const cache = new Map();

function intl(kind, options, locale = language() === "en" ? "en-GB" : "vi-VN") {
  const key = `${kind.name}${locale}${JSON.stringify(options)}`;
  if (!cache.has(key)) cache.set(key, new kind(locale, options));
  return cache.get(key);
}

export function number(x, digits = 0) {
  if (x === null || x === undefined) return t("unknown");
  return intl(Intl.NumberFormat, { minimumFractionDigits: 0, maximumFractionDigits: digits }).format(x);
}

/** A figure with its unit; W become kW from 1,000 on. */
export function quantity(x, unit, digits = 1) {
  if (x === null || x === undefined) return t("unknown");
  if (unit === "W" && Math.abs(x) >= 1000) return `${number(x / 1000, 2)} kW`;
  return `${number(x, unit === "W" ? 0 : digits)} ${unit}`.trim();
}

export const money = (x) => (x === null || x === undefined ? t("unknown") : `${number(x)} đ`);
export const kwh = (x) => quantity(x, "kWh", Math.abs(x ?? 0) < 100 ? 1 : 0);

export const clock = (ms, zone) => intl(Intl.DateTimeFormat, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone }).format(ms);
export const date = (ms, zone) => intl(Intl.DateTimeFormat, { day: "2-digit", month: "2-digit", year: "numeric", timeZone: zone }).format(ms);
export const dayMonth = (ms, zone) => intl(Intl.DateTimeFormat, { day: "2-digit", month: "2-digit", timeZone: zone }).format(ms).replace("-", "/");
export const weekday = (ms, zone) => intl(Intl.DateTimeFormat, { weekday: "long", timeZone: zone }).format(ms);

/** The calendar's day, as 2026-11-21. */
export const isoDay = (ms, zone) => intl(Intl.DateTimeFormat, { timeZone: zone }, "en-CA").format(ms);

/** Such a day as a person writes it; what is none stands as it is. */
export function dateSaid(iso) {
  const noon = /^\d{4}-\d\d-\d\d$/.test(iso) ? Date.parse(`${iso}T12:00:00Z`) : NaN;
  return Number.isNaN(noon) ? String(iso) : date(noon, "UTC");
}

/** 22:30 · mai 05:10 · hôm qua 22:30 · 24/11 05:10 */
export function when(ms, zone) {
  if (ms === null || ms === undefined) return t("unknown");
  const day = isoDay(ms, zone), at = now();
  const time = clock(ms, zone);
  if (day === isoDay(at, zone)) return time;
  if (day === isoDay(at + DAY, zone)) return t("tomorrow-at", { time });
  if (day === isoDay(at - DAY, zone)) return t("yesterday-at", { time });
  return `${dayMonth(ms, zone)} ${time}`;
}

/** 45 giây · 12 phút · 1 giờ 30 phút · 3 ngày */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return t("seconds", { n: s });
  const minutes = Math.round(s / 60);
  if (minutes < 60) return t("minutes", { n: minutes });
  const hours = Math.floor(minutes / 60), rest = minutes % 60;
  if (hours < 48) return rest ? `${t("hours", { n: hours })} ${t("minutes", { n: rest })}` : t("hours", { n: hours });
  return t("days", { n: Math.round(hours / 24) });
}

export const capital = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);

export const ago = (ms) => t("ago", { time: duration((now() - ms) / 1000) });

/** The Unix ms of a day's start in a zone, for "2026-11-21" or a time in that day. */
export function dayStart(day, zone) {
  const iso = typeof day === "string" ? day : isoDay(day, zone);
  const guess = Date.parse(`${iso}T00:00:00Z`);
  const shown = intl(Intl.DateTimeFormat, { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" }, "en-CA");
  const parts = Object.fromEntries(shown.formatToParts(guess).map((p) => [p.type, p.value]));
  const local = Date.parse(`${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}:00Z`);
  return guess - (local - guess);
}

/** The next time that it is `hh:mm` in a zone, as Unix ms. */
export function nextAt(text, zone) {
  const [hours, minutes] = text.split(":").map(Number);
  const today = dayStart(now(), zone) + (hours * 60 + minutes) * 60000;
  return today > now() ? today : today + DAY;
}
