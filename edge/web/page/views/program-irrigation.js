/* The editor of a watering program, as /views/programs.js wants it: days, hour, plots, soaking, skipping, months, power
   cuts. What it does not know of a body it leaves as it is, and says so. */
import { html, nothing } from "lit-html";
import { isoDay } from "/app/format.js";
import { now } from "/app/clock.js";
import { icon } from "/app/icons.js";
import { t } from "/app/words.js";
import { time } from "/views/light-steps.js";
import { hhmm, read, span, write } from "/views/light-times.js";
import { block, daysSaid, summary, wayOfDays, wayOfTime, wrong, zoneOf, zonesOf } from "/views/irrigation-words.js";
import { choice, kept, numberField, tick, windowField } from "/views/program-fields.js";
import { flawed, flawedAt } from "/views/program-review.js";
import { written } from "/views/program-terms.js";
import { weekdayButtons } from "/views/weekdays.js";

export const catalogue = "program-fields";
export const stylesheet = "program-fields";
export { summary, wrong };

const KNOWN = ["kind", "days", "month_days", "every", "starting", "dates", "start", "finish_before", "window", "start_when", "zones", "cycle", "soak", "season", "skip_when", "resume"];
const MOST_ZONES = 64;
const MORNING = 330; // minutes after midnight
const FIRST = { days: "mon,wed,fri", month_days: "1,11,21", every: "2d" };

export function editor({ village, draft, changed, flaws }) {
  const shared = { village, draft, changed, flaws };
  const part = (name, inside) => html`<section class="part" aria-labelledby="part-${name}"><h2 id="part-${name}">${t(`p.part.${name}`)}</h2>${inside}</section>`;
  return html`${part("days", days(shared))}${part("time", times(shared))}${part("zones", zones(shared))}${part("soak", soaking(shared))}
    ${part("skip", skipping(shared))}${part("season", season(shared))}${part("resume", resume(shared))}${kept(draft, KNOWN)}`;
}

function days({ village, draft, changed, flaws }) {
  const way = wayOfDays(draft);
  const become = (wanted) => {
    for (const key of ["days", "every", "starting", "month_days"]) delete draft[key];
    if (wanted !== "daily") draft[wanted] = FIRST[wanted];
    if (wanted === "every") draft.starting = isoDay(now(), village.zone);
    changed();
  };
  const put = (key) => (event) => { draft[key] = event.target.value; changed(key); };
  return html`${choice({ label: t("nights.which-days"), value: way, options: ["daily", "days", "every", "month_days"].map((one) => [one, t(`p.days.${one}`)]), set: become })}
    ${way === "days" ? weekdayButtons(() => draft.days, (text) => { draft.days = text; changed("days"); }) : nothing}
    ${way === "every" ? html`${numberField({ label: t("p.each"), value: (span(draft.every) ?? NaN) / 86400, unit: t("p.days"), low: 1, high: 366, set: (n) => { draft.every = `${Math.round(n)}d`; changed("every"); } })}
      <label><span>${t("p.starting")}</span> <input type="date" required .value=${String(draft.starting ?? "")} @change=${put("starting")}></label>` : nothing}
    ${way === "month_days" ? html`<label><span>${t("p.month-days-list")}</span> <input inputmode="numeric" .value=${String(draft.month_days)} @change=${put("month_days")}></label>` : nothing}
    ${draft.dates === undefined ? nothing : html`<p>${icon("calendar")} ${daysSaid(draft)} ${t("program.kept")}</p>`}
    ${["days", "every", "starting", "month_days", "dates"].map((key) => flawed(flaws, key))}`;
}

function times({ draft, changed, flaws }) {
  const way = wayOfTime(draft);
  const become = (wanted) => {
    const before = draft[way];
    for (const key of ["start", "finish_before", "window"]) delete draft[key];
    draft[wanted] = wanted === "window" ? "04:00..07:00" : way === "window" ? hhmm(MORNING) : before;
    if (wanted === "window") draft.start_when ??= { soil_below: 25, soil_above: 32 };
    else delete draft.start_when;
    changed();
  };
  const put = (changes) => {
    const key = wayOfTime(draft); // it may be another since this was drawn
    draft[key] = write({ ...read(draft[key]), ...changes });
    changed(key);
  };
  const soil = (key) => numberField({ label: t(`p.start.${key}`), value: block(draft.start_when)[key], unit: "%", high: 100, set: (n) => { draft.start_when = { ...block(draft.start_when), [key]: n }; changed("start_when"); } });
  return html`${choice({ label: t("p.how-begun"), value: way, options: ["start", "finish_before", "window"].map((one) => [one, t(`p.way.${one}`)]), set: become })}
    ${way === "window" ? html`${windowField({ value: draft.window, set: (text) => { draft.window = text; changed("window"); } })}${soil("soil_below")}${soil("soil_above")}`
    : read(draft[way]) ? time(read(draft[way]), put, MORNING) : html`<p>${icon("info")} ${String(draft[way])} ${t("program.kept")}</p>`}
    ${["start", "finish_before", "window", "start_when"].map((key) => flawed(flaws, key))}`;
}

function zones(shared) {
  const { village, draft, changed, flaws } = shared;
  const some = zonesOf(draft);
  const add = () => {
    const used = some.map((zone) => zoneOf(zone)?.valve);
    const valve = village.of("valve").find((one) => !used.includes(one.id)) ?? village.of("valve")[0];
    draft.zones = [...some, { [valve.id]: written(Math.min(1200, valve.max_on_s ?? 1200)) }];
    changed();
  };
  return html`<p>${t("p.zones-why")}</p><ol class="steps">${some.map((zone, i) => row(shared, zone, i))}</ol>
    ${flawedAt(flaws, "zones")}
    ${some.length >= MOST_ZONES || village.of("valve").length === 0 ? nothing : html`<button class="button" @click=${add}>${icon("plus")} ${t("p.zone-add")}</button>`}`;
}

function row({ village, draft, changed, flaws }, zone, i) {
  const found = zoneOf(zone), path = `zones[${i}]`;
  const put = (changes) => {
    const { valve, seconds, litres } = { ...zoneOf(draft.zones[i]), ...changes };
    draft.zones[i] = { [valve]: litres === null ? written(seconds) : `${litres}l` };
    changed(path);
  };
  const move = (by) => { draft.zones.splice(i + by, 0, ...draft.zones.splice(i, 1)); changed(); };
  const unit = (wanted) => put(wanted === "litres" ? { seconds: null, litres: 100 } : { seconds: 1200, litres: null });
  const valves = village.of("valve").map((valve) => [valve.id, valve.name]);
  if (found && !valves.some(([id]) => id === found.valve)) valves.push([found.valve, found.valve]);
  return html`<li><fieldset class="step"><legend>${t("p.zone-n", { n: i + 1 })}</legend>
    ${found === null ? html`<p>${icon("info")} ${JSON.stringify(zone)} ${t("program.kept")}</p>` : html`
      ${choice({ label: t("p.plot"), value: found.valve, options: valves, set: (valve) => put({ valve }) })}
      ${found.litres === null && village.device("valve", found.valve)?.flow === null ? nothing : choice({ label: t("p.measured"), value: found.litres === null ? "minutes" : "litres", options: [["minutes", t("p.by-minutes")], ["litres", t("p.by-litres")]], set: unit })}
      ${found.litres === null ? numberField({ label: t("p.how-long"), value: found.seconds / 60, unit: t("p.minutes"), step: 5, low: 1, high: 1440, set: (n) => put({ seconds: Math.round(n * 60) }) })
      : numberField({ label: t("p.how-much"), value: found.litres, unit: t("litres"), step: 10, low: 1, high: 100000, set: (n) => put({ litres: n }) })}`}
    ${flawed(flaws, path)}
    <div class="choices">${i === 0 ? nothing : html`<button class="button" aria-label=${t("p.earlier-n", { n: i + 1 })} @click=${() => move(-1)}>${t("p.earlier")}</button>`}
      <button class="button" aria-label=${t("p.zone-remove-n", { n: i + 1 })} @click=${() => { draft.zones.splice(i, 1); changed(); }}>${icon("close")} ${t("p.zone-remove")}</button></div>
  </fieldset></li>`;
}

function soaking({ draft, changed, flaws }) {
  const on = draft.cycle !== undefined || draft.soak !== undefined;
  const set = (yes) => {
    if (yes) Object.assign(draft, { cycle: "10m", soak: "15m" });
    else { delete draft.cycle; delete draft.soak; }
    changed();
  };
  const one = (key) => numberField({ label: t(`p.${key}`), value: (span(draft[key]) ?? NaN) / 60, unit: t("p.minutes"), step: 5, low: 1, high: 1440, set: (n) => { draft[key] = written(Math.round(n * 60)); changed(key); } });
  return html`<p>${t("p.soak-why")}</p>${tick({ label: t("p.soak-on"), on, set })}${on ? html`${one("cycle")}${one("soak")}` : nothing}${flawed(flaws, "cycle")}${flawed(flaws, "soak")}`;
}

function skipping({ draft, changed, flaws }) {
  const skip = block(draft.skip_when);
  const put = (changes) => {
    const after = Object.fromEntries(Object.entries({ ...block(draft.skip_when), ...changes }).filter(([, value]) => value !== undefined));
    if (Object.keys(after).length) draft.skip_when = after;
    else delete draft.skip_when;
    changed("skip_when");
  };
  return html`<p>${t("p.skip-why")}</p>
    ${tick({ label: t("p.rain"), on: skip.rain === true, set: (yes) => put(yes ? { rain: true } : { rain: undefined, rain_delay: undefined }) })}
    ${skip.rain === true ? numberField({ label: t("p.rain-delay"), value: (span(skip.rain_delay) ?? 0) / 3600, unit: t("p.hours"), high: 168, set: (n) => put({ rain_delay: n > 0 ? written(Math.round(n * 3600)) : undefined }) }) : nothing}
    ${tick({ label: t("p.soil"), on: skip.soil_above !== undefined, set: (yes) => put(yes ? { soil_above: 35 } : { soil_above: undefined, soil_below: undefined }) })}
    ${skip.soil_above === undefined ? nothing : html`${numberField({ label: t("p.soil-above"), value: skip.soil_above, unit: "%", high: 100, set: (n) => put({ soil_above: n }) })}
      ${numberField({ label: t("p.soil-below"), value: skip.soil_below ?? skip.soil_above, unit: "%", high: 100, set: (n) => put({ soil_below: n }) })}`}
    ${flawed(flaws, "skip_when")}`;
}

function season({ draft, changed, flaws }) {
  const shares = block(draft.season), on = draft.season !== undefined;
  const set = (yes) => {
    if (yes) draft.season = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [String(i + 1), 100]));
    else delete draft.season;
    changed("season");
  };
  const put = (month, share) => { draft.season = { ...block(draft.season), [month]: Math.round(share) }; changed("season"); };
  return html`<p>${t("p.season-why")}</p>${tick({ label: t("p.season-on"), on, set })}
    ${on ? html`<div class="months">${Array.from({ length: 12 }, (_, i) => String(i + 1)).map((month) => numberField({
      label: t("p.month", { month }), value: shares[month] ?? 100, unit: "%", step: 10, high: 300, set: (share) => put(month, share) }))}</div>` : nothing}
    ${flawed(flaws, "season")}`;
}

function resume({ draft, changed, flaws }) {
  const within = span(/^\s*within\s+(.+)$/.exec(draft.resume ?? "")?.[1] ?? "");
  const put = (seconds) => { draft.resume = seconds === null ? "never" : `within ${written(seconds)}`; changed("resume"); };
  return html`<p>${t("p.resume-why")}</p>${tick({ label: t("p.resume-on"), on: within !== null, set: (yes) => put(yes ? 7200 : null) })}
    ${within === null ? nothing : numberField({ label: t("p.resume-within"), value: within / 3600, unit: t("p.hours"), low: 0.5, high: 24, set: (n) => put(Math.round(n * 3600)) })}
    ${flawed(flaws, "resume")}`;
}
