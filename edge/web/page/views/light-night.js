/* A light's night, noon to noon: a strip with the levels as heights, and the same in words.

   nightStrip(village, light)   from the request `plan`; asked for again when the light's state or its program changes */
import { html, nothing, svg } from "lit-html";
import { stale, wanted } from "/app/asked.js";
import { now } from "/app/clock.js";
import { dayMonth, duration, number, weekday, when } from "/app/format.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { t } from "/app/words.js";
import { nightsSaid } from "/views/light-nights.js";
import { levelSaid, nightOf, read, said } from "/views/light-times.js";

const known = new Map(); // light → {key, at}: what the plan was last asked for under, and since when

/** The plan of the light, asked for again when what it hangs on has changed. */
function planOf(village, light) {
  const { level, reason, until, since, next } = light.state ?? {};
  const rev = village.about.programs.find((p) => p.id === light.program)?.rev;
  const key = JSON.stringify([level, reason, until, since, next, rev]);
  const name = `${village.id}/${light.id}`;
  if (known.get(name)?.key !== key) known.set(name, { key, at: now() });
  const it = wanted(village, "plan", { device: light.target, days: 2 });
  if (it.tried < known.get(name).at && !it.asking && it.tried !== -Infinity) stale(village, "plan");
  return it;
}

function changesOf(answer, light) {
  const all = Array.isArray(answer.changes) ? answer.changes : [];
  return all.filter((one) => one?.device === light.target && !Number.isNaN(Date.parse(one.at)) && Number.isFinite(one.level)).map((one) => ({
    at: Date.parse(one.at), level: one.level, step: String(one.step ?? ""), rule: String(one.rule ?? ""), within_s: Number(one.within_s) || 0,
  }));
}

export function nightStrip(village, light) {
  const { answer, error } = planOf(village, light);
  if (answer === null) return html`<p role="status">${link.phase !== "up" ? t("night.offline") : error === null ? t("asking") : t("night.silent")}</p>`;
  if (answer.trusted === false) return html`<p>${icon("alarm")} ${t("night.clock")}</p>`;
  const held = Array.isArray(answer.held) && answer.held.find((one) => one?.device === light.target);
  const changes = changesOf(answer, light), night = shownNight(village, light, changes);
  const within = changes.filter((one) => one.at < night.end);
  return html`<p class="night-of">${t("night.of", { from: `${weekday(night.noon, village.zone)} ${dayMonth(night.noon, village.zone)}`, to: `${weekday(night.end, village.zone)} ${dayMonth(night.end, village.zone)}` })}</p>
    ${drawing(light, within, night)}
    <ol class="night-steps">
      <li>${icon("next")} <span><b>${t("night.now")}</b> ${(light.state?.level ?? null) === null ? t("unknown") : levelSaid(light.state.level)}</span></li>
      ${held ? html`<li>${icon("lock")} <span>${t(`night.held.${held.reason === "lockout" || held.reason === "hand" ? held.reason : "override"}`)}</span></li>` : nothing}
      ${within.map((one) => step(village, one))}
      ${within.length || held ? nothing : html`<li>${t("night.nothing")}</li>`}
    </ol>`;
}

/** The night that is under way, or from the morning on, when its last step is over, the coming one. */
function shownNight(village, light, changes) {
  const night = nightOf(village, now());
  const morning = now() > night.noon + 43200000;
  return morning && !light.state?.level && !changes.some((one) => one.at < night.end) ? nightOf(village, night.end + 1) : night;
}

function step(village, { at, level, step: text, rule, within_s }) {
  const sun = read(text)?.anchor === "clock" || read(text) === null ? "" : said(read(text));
  const more = [sun, ruleSaid(rule), within_s > 0 ? t("night.within", { time: duration(within_s) }) : ""].filter(Boolean).join("; ");
  return html`<li>${icon(level === 0 ? "moon" : "light")} <span><b>${when(at, village.zone)}</b> ${levelSaid(level)}${more ? html` <small>(${more})</small>` : nothing}</span></li>`;
}

/** "lunar_day 15" as a person says it. */
function ruleSaid(rule) {
  const [key, ...rest] = rule.split(" ");
  if (rest.length === 0) return "";
  return nightsSaid({ [key]: key === "lunar_day" ? Number(rest[0]) : rest.join(" ") });
}

function drawing(light, changes, night) {
  const length = night.end - night.noon;
  const x = (ms) => (Math.min(Math.max(ms, night.noon), night.end) - night.noon) / length * 100;
  const at = now(), begin = Math.max(night.noon, at);
  const blocks = [];
  if (light.state?.since !== null && light.state?.since < begin) blocks.push({ from: light.state.since, to: begin, level: light.state.level, past: true });
  let level = light.state?.level ?? null, from = begin;
  for (const one of [...changes, { at: night.end, level: null }]) {
    blocks.push({ from, to: one.at, level });
    [from, level] = [one.at, one.level];
  }
  const shown = blocks.filter((b) => b.level > 0 && x(b.to) > x(b.from));
  const per = (value) => `${value.toFixed(2)}%`;
  return html`<div class="night" aria-hidden="true"><svg class="strip">
      ${[25, 50, 75].map((at) => svg`<line class="hour" x1=${per(at)} x2=${per(at)} y1="0" y2="100%"/>`)}
      ${shown.map((b) => svg`<rect class=${b.past ? "lit past" : "lit"} x=${per(x(b.from))} width=${per(x(b.to) - x(b.from))} y=${per(100 - b.level * 0.8)} height=${per(b.level * 0.8)}/>`)}
      ${shown.filter((b) => !b.past && x(b.to) - x(b.from) > 14).map((b) => svg`<text class="level" x=${per((x(b.from) + x(b.to)) / 2)} y=${per(100 - b.level * 0.8)} dy="1.2em" text-anchor="middle">${number(b.level)} %</text>`)}
      ${at < night.noon ? nothing : svg`<line class="now" x1=${per(x(at))} x2=${per(x(at))} y1="0" y2="100%"/>
        <text class="now-word" x=${per(x(at))} y="0" dx=${x(at) > 50 ? "-0.3em" : "0.3em"} dy="1em" text-anchor=${x(at) > 50 ? "end" : "start"}>${t("night.now-mark")}</text>`}
    </svg><p class="hours">${[12, 18, 0, 6, 12].map((hour) => html`<span>${t("night.hour", { hour })}</span>`)}</p></div>`;
}
