/* "Until which hour?": the hours of this evening and of tomorrow's morning, and how bright. A wedding, a match, a wake.

   askUntil(village, light)   opens the sheet; a choice sends the command and closes it
   litLevels(light)           the levels above 0 */
import { html, nothing } from "lit-html";
import { send } from "/app/commands.js";
import { now } from "/app/clock.js";
import { clock, isoDay, number } from "/app/format.js";
import { openSheet } from "/app/how-long.js";
import { t } from "/app/words.js";

const HOUR = 3600000, HOURS = 12;

/** The levels at which it is lit; fully, if it does not say. */
export function litLevels({ levels }) {
  const lit = levels.filter((level) => level > 0);
  return lit.length ? lit : [100];
}

export function askUntil(village, light) {
  const levels = litLevels(light);
  let level = Math.max(...levels);
  openSheet(light.name, (draw, close) => html`
    ${levels.length < 2 ? nothing : html`<h3>${t("how-bright")}</h3>
    <div class="choices levels" role="group" aria-label=${t("how-bright")}>${levels.map((one) => html`
      <button class="button" aria-pressed=${one === level} @click=${() => { level = one; draw(); }}>${number(one)} %</button>`)}</div>`}
    <h3>${t("until.hours")}</h3>
    <div class="choices hours-of">${coming().map((at) => html`<button class="button" @click=${() => {
      send(village, light.target, { action: "on", level, until: new Date(at).toISOString() });
      close();
    }}>${hour(village, at)}</button>`)}</div>
    <p>${t(light.program === null ? "until.then-off" : "until.then")}</p>`);
}

/** The next full hours, at least ten minutes ahead. Zones with odd minutes have theirs, too. */
function coming() {
  const first = Math.ceil((now() + HOUR / 6) / HOUR) * HOUR;
  return Array.from({ length: HOURS }, (_, i) => first + i * HOUR);
}

function hour(village, at) {
  const time = clock(at, village.zone);
  return isoDay(at, village.zone) === isoDay(now(), village.zone) ? time : t("tomorrow-at", { time });
}
