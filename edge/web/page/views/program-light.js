/* The editor of a light's program: steps of every night, and of particular nights; as /views/programs.js wants it. What
   it does not know of a body it leaves as it is, and says so. */
import { html, nothing } from "lit-html";
import { capital, clock, duration, isoDay, number } from "/app/format.js";
import { icon } from "/app/icons.js";
import { now } from "/app/clock.js";
import { redraw } from "/app/screen.js";
import { objects } from "/app/shapes.js";
import { t } from "/app/words.js";
import { fresh, isPast, kindOf, KINDS, nights, nightsSaid, rank } from "/views/light-nights.js";
import { during, levelSaid, nightOf, read, saidOf, span } from "/views/light-times.js";
import { steps } from "/views/light-steps.js";
import { kept } from "/views/program-fields.js";
import { flawed } from "/views/program-review.js";

const MOST_RULES = 64;
const KNOWN = ["kind", "steps", "calendar", "photocell"];
const opened = new WeakSet(); // the rules whose steps are shown

const followersOf = (village, id) => village.of("light").filter((light) => light.program === id);

/** Steps in the order in which they come tonight; those whose time cannot be read stand last. */
function inOrder(village, of) {
  const night = nightOf(village, now());
  const at = (step) => (read(step.at) ? during(read(step.at), night) : Infinity);
  return objects(of).map((step) => ({ step, at: at(step) })).sort((a, b) => a.at - b.at);
}

const stepSaid = ({ at, level }) => `${saidOf(at)}: ${levelSaid(level)}`;
const ruleName = (rule) => `${capital(nightsSaid(rule))}${rule.note ? ` (${rule.note})` : ""}`;

export function summary(village, body) {
  const base = inOrder(village, body.steps).map(({ step }) => capital(stepSaid(step)));
  const rules = objects(body.calendar).map((rule) => `${ruleName(rule)}: ${inOrder(village, rule.steps).map(({ step }) => stepSaid(step)).join("; ")}`);
  return [...base, ...rules, ...photocell(body)];
}

function photocell(body) {
  const within = span(body.photocell?.within);
  return within === null ? [] : [t("program.photocell", { time: duration(within) })];
}

/** What the cabinet would refuse, said before it is asked. */
export function wrong(village, body) {
  const found = new Map();
  for (const { path, steps: some } of everySteps(body)) {
    const seen = new Set();
    if (some.length === 0) found.set(path, t("wrong.no-step"));
    some.forEach((step, i) => {
      const same = read(step.at) ? JSON.stringify(read(step.at)) : step.at;
      if (seen.has(same)) found.set(`${path}[${i}].at`, t("wrong.twice", { time: saidOf(step.at) }));
      seen.add(same);
    });
  }
  objects(body.calendar).forEach((rule, i) => kindOf(rule) === "days" && !rule.days && found.set(`calendar[${i}].days`, t("wrong.no-day")));
  return found;
}

const everySteps = (body) => [
  { path: "steps", steps: objects(body.steps), name: null },
  ...objects(body.calendar).map((rule, i) => ({ path: `calendar[${i}].steps`, steps: objects(rule.steps), name: ruleName(rule) })),
];

/** What may surprise. */
export function doubtful(village, body, id) {
  const told = everySteps(body).flatMap(({ steps: some, name }) => ofNight(village, some, id).map((text) => (name === null ? text : `${name}: ${text}`)));
  const rules = objects(body.calendar);
  const twice = rules.filter((rule, i) => rules.findIndex((one) => nightsSaid(one) === nightsSaid(rule)) < i).map((rule) => t("doubt.rule-twice", { nights: ruleName(rule) }));
  return [...told, ...twice];
}

function ofNight(village, some, id) {
  const order = inOrder(village, some);
  const told = [];
  for (let i = 1; i < order.length; i += 1) {
    const [a, b] = [order[i - 1], order[i]];
    if (Math.abs(a.at - b.at) < 60000 && a.step.at !== b.step.at) told.push(t("doubt.together", { one: saidOf(a.step.at), other: saidOf(b.step.at), time: clock(b.at, village.zone) }));
  }
  const last = order.at(-1)?.step;
  if (last?.level > 0) told.push(t("doubt.burns-on", { step: stepSaid(last) }));
  for (const level of new Set(some.map((step) => step.level))) {
    for (const light of followersOf(village, id)) {
      const takes = nearest(light.levels, level);
      if (takes !== null && takes !== level) told.push(t("doubt.level", { name: light.name, level: number(level), takes: levelSaid(takes) }));
    }
  }
  return told;
}

/** The level that a light takes when another is asked for: docs/en/lighting.md, "Levels and circuits". */
function nearest(levels, level) {
  const some = level > 0 ? levels.filter((one) => one > 0) : levels;
  return some.length === 0 ? null : some.reduce((best, one) => (Math.abs(one - level) <= Math.abs(best - level) ? one : best));
}

function levelsOf(village, id) {
  const found = [...new Set(followersOf(village, id).flatMap((light) => light.levels))].sort((a, b) => a - b);
  return found.length ? found : [0, 50, 100];
}

export function editor({ village, id, draft, changed, flaws }) {
  const shared = { village, levels: levelsOf(village, id), changed, flaws };
  draft.steps = Array.isArray(draft.steps) ? draft.steps : [];
  return html`<section aria-labelledby="every-night"><h2 id="every-night">${t("program.every-night")}</h2>
      ${steps(shared, draft.steps, "steps")}</section>
    <section aria-labelledby="nights"><h2 id="nights">${t("program.nights")}</h2>
      <p>${t("program.nights-why")}</p>
      ${objects(draft.calendar).map((rule, i) => ruleCard(shared, draft, rule, i))}
      ${adders(shared, draft)}</section>
    ${photocell(draft).map((text) => html`<p>${icon("sun")} ${text} ${t("program.kept")}</p>`)}${kept(draft, KNOWN)}`;
}

function ruleCard(shared, draft, rule, i) {
  const { village, changed, flaws } = shared;
  const path = `calendar[${i}]`, shown = opened.has(rule), known = kindOf(rule) !== null;
  const toggle = () => { opened[shown ? "delete" : "add"](rule); redraw(); };
  return html`<article class="rule">
    <h3><button class="rule-name" aria-expanded=${shown} @click=${toggle}>${icon(shown ? "minus" : "plus")} <span>${ruleName(rule)}</span></button></h3>
    ${isPast(rule, isoDay(now(), village.zone)) ? html`<p class="doubt">${icon("info")} <span>${t("program.past")}</span></p>` : nothing}
    ${!shown ? html`<ul class="quiet">${inOrder(village, rule.steps).map(({ step }) => html`<li>${capital(stepSaid(step))}</li>`)}</ul>${flawed(flaws, path)}` : html`
      ${known ? nights(rule, (key) => changed(`${path}.${key}`)) : html`<p>${t("program.kept-night")}</p>`}
      ${["days", "date", "lunar", "lunar_day"].map((key) => flawed(flaws, `${path}.${key}`))}
      ${steps(shared, rule.steps, `${path}.steps`)}
      <div class="choices">
        ${i === 0 ? nothing : html`<button class="button" @click=${() => { swap(draft.calendar, i); changed(); }}>${t("program.rule-up")}</button>`}
        <button class="button" @click=${() => { draft.calendar.splice(i, 1); changed(); }}>${icon("close")} ${t("program.rule-remove")}</button>
      </div>`}
  </article>`;
}

function swap(rules, i) {
  [rules[i - 1], rules[i]] = [rules[i], rules[i - 1]];
}

function adders({ village, changed }, draft) {
  const add = (kind) => {
    const rule = { ...fresh(kind, isoDay(now(), village.zone)), steps: structuredClone(objects(draft.steps)) };
    const rules = (draft.calendar ??= []);
    const place = rules.findIndex((one) => rank(one) >= rank(rule));
    rules.splice(place < 0 ? rules.length : place, 0, rule);
    opened.add(rule);
    changed();
  };
  if (objects(draft.calendar).length >= MOST_RULES) return nothing;
  return html`<p>${t("program.add-night")}</p><div class="choices nights-more">${KINDS.map((kind) => html`
    <button class="button" @click=${() => add(kind)}>${icon("plus")} ${t(`nights.add.${kind}`)}</button>`)}</div>`;
}
