/* The steps of a night, each to be moved, dimmed or taken away with a thumb.

   steps({village, levels, changed, flaws}, steps, path)   steps: the draft's own list, changed in place
   time(at, put, byClock)   a time of day by the clock or the sun, as light-times.js reads it; put(changes) takes what is
                            changed; byClock: minutes after midnight, for one that goes over to the clock
   clockField({minutes}, put)   a time by the clock alone */
import { html, nothing } from "lit-html";
import { now } from "/app/clock.js";
import { clock, number } from "/app/format.js";
import { icon } from "/app/icons.js";
import { t } from "/app/words.js";
import { during, levelSaid, nightOf, read, said, saidOf, write } from "/views/light-times.js";
import { flawed, flawedAt } from "/views/program-review.js";

const DEFAULT_CLOCK = 1350; // 22:30
const MOST = 48, DAY_MINUTES = 1440, SUN_MINUTES = 360;
const STEP_MINUTES = { clock: 15, sunset: 5, sunrise: 5 };
const ANCHORS = ["sunset", "clock", "sunrise"];

export function steps(shared, some, path) {
  const { village, changed, flaws } = shared;
  const night = nightOf(village, now());
  const times = some.map((step) => (read(step?.at) ? during(read(step.at), night) : null));
  const mixed = times.some((at, i) => i > 0 && at !== null && times[i - 1] !== null && at < times[i - 1]);
  const sort = () => {
    const order = some.map((step, i) => ({ step, at: times[i] ?? Infinity })).sort((a, b) => a.at - b.at);
    some.splice(0, some.length, ...order.map(({ step }) => step));
    changed();
  };
  return html`<div class="steps">${some.map((step, i) => row(shared, some, i, path, times[i]))}</div>
    ${flawedAt(flaws, path)}
    ${mixed ? html`<p class="doubt">${icon("info")} <span>${t("step.mixed")}</span> <button class="button" @click=${sort}>${t("step.sort")}</button></p>` : nothing}
    ${some.length >= MOST ? nothing : html`<button class="button" @click=${() => add(shared, some, path, night)}>${icon("plus")} ${t("step.add")}</button>`}`;
}

/** One more step, at an hour that none of the others has, where it belongs by its time. */
function add({ levels, changed }, some, path, night) {
  const taken = new Set(some.map((step) => step?.at));
  const at = ["23:00", "00:00", "01:00", "02:00", "03:00", "04:00", "22:00", "21:00", "20:00", "19:00"].find((one) => !taken.has(one)) ?? "05:00";
  const later = some.findIndex((step) => read(step?.at) && during(read(step.at), night) > during(read(at), night));
  const place = later < 0 ? some.length : later;
  some.splice(place, 0, { at, level: Math.max(...levels) });
  changed();
  setTimeout(() => document.getElementById(`${path}-${place}`)?.scrollIntoView({ block: "center" }), 100);
}

function row({ village, levels, changed, flaws }, some, i, path, tonight) {
  const step = some[i], at = read(step?.at), here = `${path}[${i}]`;
  const put = (changes) => {
    step.at = write({ ...at, ...changes });
    changed(`${here}.at`);
  };
  return html`<div class="step" role="group" aria-labelledby="${path}-${i}">
    <p class="step-said" id="${path}-${i}">${t("step.n", { n: i + 1 })} <b>${saidOf(step?.at)}: ${levelSaid(step?.level)}</b></p>
    ${at === null ? html`<p>${t("step.kept")}</p>` : time(at, put, minutesOf(tonight, village.zone))}
    ${tonight === null || at.anchor === "clock" ? nothing : html`<p class="quiet">${t("step.tonight", { time: clock(tonight, village.zone) })}</p>`}
    ${flawed(flaws, `${here}.at`)}
    ${brightness(step, levels, () => changed(`${here}.level`))}
    ${flawed(flaws, `${here}.level`)}
    ${some.length < 2 ? nothing : html`<button class="button remove" aria-label=${t("step.remove-this", { n: i + 1 })} @click=${() => { some.splice(i, 1); changed(); }}>${icon("close")} ${t("step.remove")}</button>`}
  </div>`;
}

/** Minutes after midnight, to the nearest five. */
const minutesOf = (ms, zone) => (Math.round(read(clock(ms, zone)).minutes / 5) * 5) % DAY_MINUTES;

export function time(at, put, byClock = DEFAULT_CLOCK) {
  const choose = (event) => {
    const anchor = event.target.value;
    put({ anchor, minutes: anchor === "clock" ? byClock : 0, bounds: [] });
  };
  const move = (by) => put({ minutes: at.anchor === "clock" ? (at.minutes + by + DAY_MINUTES) % DAY_MINUTES : Math.max(-SUN_MINUTES, Math.min(SUN_MINUTES, at.minutes + by)) });
  const by = STEP_MINUTES[at.anchor];
  return html`<label>${t("step.when")} <select @change=${choose}>${ANCHORS.map((one) => html`<option value=${one} .selected=${one === at.anchor}>${t(`step.anchor.${one}`)}</option>`)}</select></label>
    <div class="offset">
      <button class="button round" aria-label=${t("step.earlier", { n: by })} @click=${() => move(-by)}>${icon("minus")}</button>
      ${at.anchor === "clock" ? clockField(at, put) : html`<output>${said({ ...at, bounds: [] })}</output>`}
      <button class="button round" aria-label=${t("step.later", { n: by })} @click=${() => move(by)}>${icon("plus")}</button>
    </div>
    ${at.bounds.length ? html`<p>${said(at).split(", ").slice(1).join(", ")}. ${t("program.kept")} <button class="button" @click=${() => put({ bounds: [] })}>${t("step.no-bounds")}</button></p>` : nothing}`;
}

/** Two lists, and no field for the time: a phone in English would write 10:30 PM there. */
export function clockField({ minutes }, put) {
  let hour = Math.floor(minutes / 60), minute = minutes % 60; // both may be changed before all is drawn again
  const every = (most, by, now) => [...new Set([...Array.from({ length: most / by }, (_, n) => n * by), now])].sort((a, b) => a - b);
  const field = (label, all, now, took) => html`<select aria-label=${label} @change=${(event) => took(Number(event.target.value))}>${all.map((n) => html`
    <option value=${n} .selected=${n === now}>${String(n).padStart(2, "0")}</option>`)}</select>`;
  return html`<span class="clock">${field(t("step.hour"), every(24, 1, hour), hour, (n) => put({ minutes: (hour = n) * 60 + minute }))}
    <b>:</b> ${field(t("step.minute"), every(60, 5, minute), minute, (n) => put({ minutes: hour * 60 + (minute = n) }))}</span>`;
}

function brightness(step, levels, touched) {
  const all = levels.includes(step?.level) ? levels : [...levels, step?.level].filter(Number.isFinite).sort((a, b) => a - b);
  return html`<div class="choices levels" role="group" aria-label=${t("how-bright")}>${all.map((level) => html`
    <button class="button" aria-pressed=${level === step.level} @click=${() => { step.level = level; touched(); }}>${level === 0 ? t("do.off") : `${number(level)} %`}</button>`)}</div>`;
}
