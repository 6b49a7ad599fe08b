/* The nights that a calendar's rule is for: in words, and chosen by a person.

   kindOf(rule)        "date", "yearly", "lunar", "lunar_day" or "days"; null if the page cannot read it
   nightsSaid(rule)    "Rằm hằng tháng"
   fresh(kind, today)  a new rule of one of KINDS, without steps; today as 2026-11-28
   nights(rule, touch) the fields to choose them; touch(key) after each change
   rank(rule)          where it belongs: what is rare stands above what is common
   isPast(rule, today) whether it never matches again */
import { html, nothing } from "lit-html";
import { icon } from "/app/icons.js";
import { has, t } from "/app/words.js";
import { WEEKDAYS, weekdayButtons, weekdays } from "/views/weekdays.js";

const ORDER = ["date", "yearly", "lunar", "lunar_day", "days"];
const YEARLY = /^(\d{2})-(\d{2})(?:\.\.(\d{2})-(\d{2}))?$/, LUNAR = /^(\d{1,2})-(\d{1,2})(?:\.\.(\d{1,2})-(\d{1,2}))?$/;
const DATE = /^(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?$/;
export const KINDS = ["tet", "full-moon", "new-moon", "date", "yearly", "days"];

const trimmed = (x) => (typeof x === "string" ? x.trim() : "");

export function kindOf(rule) {
  if (DATE.test(trimmed(rule.date))) return "date";
  if (YEARLY.test(trimmed(rule.date))) return "yearly";
  if (LUNAR.test(trimmed(rule.lunar))) return "lunar";
  if (Number.isInteger(rule.lunar_day)) return "lunar_day";
  return typeof rule.days === "string" && weekdays(rule.days).every((day) => WEEKDAYS.includes(day)) ? "days" : null;
}

export const rank = (rule) => ORDER.indexOf(kindOf(rule));
export const isPast = (rule, today) => kindOf(rule) === "date" && DATE.exec(trimmed(rule.date)).slice(1).filter(Boolean).at(-1) < today;

export function fresh(kind, today) {
  return { tet: { lunar: "1-1..1-3" }, "full-moon": { lunar_day: 15 }, "new-moon": { lunar_day: 1 }, date: { date: today }, yearly: { date: "09-02" }, days: { days: "sat,sun" } }[kind];
}

export function nightsSaid(rule) {
  const kind = kindOf(rule);
  if (kind === null) return t("nights.other");
  if (kind === "days") return weekdays(rule.days).length === 7 ? t("nights.every-day") : weekdays(rule.days).map((day) => t(`day.${day}`)).join(", ") || t("nights.no-day");
  if (kind === "lunar_day") return has(`nights.lunar-day.${rule.lunar_day}`) ? t(`nights.lunar-day.${rule.lunar_day}`) : t("nights.lunar-day", { day: rule.lunar_day });
  if (kind === "date") return ends(DATE.exec(trimmed(rule.date)).slice(1).filter(Boolean).map((day) => day.split("-").reverse().join("/")), "nights.date");
  const [first, last] = pairs(rule, kind);
  if (kind === "yearly") return ends([...new Set([first, last].map(([month, day]) => `${day}/${month}`))], "nights.yearly");
  const begin = first[0] === last[0] && first[1] !== last[1] ? dayOf(first[1]) : lunarSaid(first);
  return ends([...new Set([begin, lunarSaid(last)])], first[0] === 1 && first[1] === 1 && last[0] === 1 ? "nights.tet" : "nights.lunar");
}

const ends = ([first, last], key) => t(key, { nights: last === undefined || last === first ? first : t("nights.range", { first, last }) });
const dayOf = (day) => t(day === 15 ? "nights.day-of.15" : day <= 10 ? "nights.day-of.early" : "nights.day-of", { day });
const lunarSaid = ([month, day]) => t("nights.lunar-date", { day: dayOf(day), month: t(`lunar-month.${month}`) });

/** First and last [month, day] of a range of every year. */
function pairs(rule, kind) {
  const found = (kind === "lunar" ? LUNAR : YEARLY).exec(trimmed(kind === "lunar" ? rule.lunar : rule.date)).slice(1).map((n) => (n === undefined ? null : Number(n)));
  const first = found.slice(0, 2);
  return [first, found[2] === null ? first : found.slice(2)];
}

export function nights(rule, touch) {
  const kind = kindOf(rule);
  if (kind === "days") return weekdayButtons(() => rule.days, (text) => { rule.days = text; touch("days"); });
  if (kind === "date") return dates(rule, touch);
  if (kind === "lunar_day") return lunarDay(rule, touch);
  return kind === null ? nothing : yearly(rule, kind, touch);
}

function dates(rule, touch) {
  const [first, last = first] = DATE.exec(trimmed(rule.date)).slice(1).filter(Boolean);
  const put = (from, to) => {
    rule.date = to > from ? `${from}..${to}` : from;
    touch("date");
  };
  const field = (label, value, took) => html`<label>${label} <input type="date" required .value=${value}
    @change=${(event) => (event.target.value ? took(event.target.value) : (event.target.value = value))}></label>`;
  return html`<div class="nights">${field(t("nights.from"), first, (day) => put(day, first === last ? day : last))}${field(t("nights.to"), last, (day) => put(first, day))}</div>`;
}

function lunarDay(rule, touch) {
  const move = (by) => {
    rule.lunar_day = Math.min(30, Math.max(1, rule.lunar_day + by));
    touch("lunar_day");
  };
  return html`<div class="offset"><button class="button round" aria-label=${t("nights.day-less")} @click=${() => move(-1)}>${icon("minus")}</button>
    <output>${t("nights.lunar-day", { day: rule.lunar_day })}</output>
    <button class="button round" aria-label=${t("nights.day-more")} @click=${() => move(1)}>${icon("plus")}</button></div>`;
}

function yearly(rule, kind, touch) {
  const [first, last] = pairs(rule, kind);
  const longest = (month) => (kind === "lunar" ? 30 : new Date(Date.UTC(2000, month, 0)).getUTCDate());
  const put = () => {
    for (const end of [first, last]) end[1] = Math.min(end[1], longest(end[0]));
    const texts = [first, last].map((end) => end.map((n) => (kind === "lunar" ? n : String(n).padStart(2, "0"))).join("-"));
    const key = kind === "lunar" ? "lunar" : "date";
    rule[key] = [...new Set(texts)].join("..");
    touch(key);
  };
  const field = (label, end, part, most) => html`<label>${label} <input type="number" inputmode="numeric" min="1" max=${most} required .value=${String(end[part])} @change=${(event) => {
    const n = Math.round(Number(event.target.value));
    if (n >= 1 && n <= most) end[part] = n;
    put();
    event.target.value = end[part];
  }}></label>`;
  const side = (label, end) => html`<div class="month-day" role="group" aria-label=${label}><span>${label}</span>${field(t("nights.day"), end, 1, longest(end[0]))}${field(t("nights.month"), end, 0, 12)}</div>`;
  return html`<div class="nights"><p>${t(`nights.about-${kind}`)}</p>${side(t("nights.from"), first)}${side(t("nights.to"), last)}</div>`;
}
