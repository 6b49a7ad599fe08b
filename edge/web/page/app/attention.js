/* What a person must know before anything else: how old the picture is, and which part of the way to the lamp is cut.

   linkBar(village)      a line under the name; nothing while all is well
   list(village)         what needs attention, for the top of the home page
   row(village, alarm, look, known)  one alarm, as an <li>; look: another {tone, drawing, word} than look(alarm);
                         known: words to be added
   unseen(village)       the alarms in the list; holds(alarm): whether something stands still until somebody acknowledges it */
import { html, nothing } from "lit-html";
import { now } from "/app/clock.js";
import { ago, when } from "/app/format.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { address } from "/app/router.js";
import { language, t } from "/app/words.js";

const NAMED = 4;
const SETTLED_MS = 5000; // what is retained has come by then
const CONTRACT = 1; // of docs/mqtt.md: what a newer one means this page does not know

export function linkBar(village) {
  if (link.phase === "refused") return bar("lock", t("refused"));
  if (link.phase !== "up") return bar("offline", link.heard === null && village === null ? t("connecting") : t("link-down", { ago: ago(heardAt(village)) }));
  if (village === null) return nothing;
  if (village.status === "offline") return bar("offline", t("cabinet-offline", { ago: ago(village.newest) }));
  if ((village.about.contract ?? 0) > CONTRACT) return bar("info", t("page-old"));
  if (village.status === "unknown") return bar("clock", t("asking"));
  return nothing;
}

const heardAt = (village) => link.heard ?? village?.statusAt ?? link.since;
const bar = (what, text) => html`<p class="link-bar">${icon(what)} <span>${text}</span></p>`;

/** Whether what is shown is what is: the link is up and the controller speaks. */
export const isFresh = (village) => link.phase === "up" && village?.status === "online";

const HOLDING = ["flow-none", "flow-high", "leak"];
export const holds = (alarm) => HOLDING.includes(alarm.kind) && /^(pump|valve)\//.test(alarm.device) && !alarm.acknowledged_by;
export const unseen = (village) => village.openAlarms.filter((alarm) => !alarm.acknowledged_by && (alarm.state === "raised" || holds(alarm)));

export function list(village) {
  const open = unseen(village);
  const silent = isFresh(village) && now() - link.since > SETTLED_MS ? unheard(village) : [];
  if (open.length + silent.length === 0) return nothing;
  return html`<section class="attention" aria-labelledby="attention-head">
    <h2 id="attention-head">${t("attention")}</h2>
    <ul>${open.slice(0, 3).map((alarm) => row(village, alarm))}</ul>
    ${open.length > 3 ? html`<a class="more-of-it" href=${address("alarms")}>${t("all-alarms", { n: open.length })} ${icon("next")}</a>` : nothing}
    ${silent.length ? html`<a class="alarm silent" href=${address("technician")}>${icon("offline")} <span>${t("not-heard", { names: shortened(silent) })}</span>${icon("next")}</a>` : nothing}
  </section>`;
}

/** Names of what the cabinet does not hear: meters, sensors, and outputs whose board or line says nothing. An alarm above
    may say it too, but ends to stand there as soon as somebody knows of it. */
function unheard(village) {
  const measuring = [...village.of("meter"), ...village.of("sensor")].filter((device) => village.silent(device));
  const driven = [...village.devices.values()].filter((device) => device.state?.observed === "unknown");
  const told = new Set(unseen(village).map((alarm) => alarm.device));
  return [...measuring, ...driven].filter((device) => !told.has(device.target)).map((device) => device.name);
}

const shortened = (names) => (names.length > NAMED ? `${names.slice(0, NAMED).join(", ")} … (${names.length})` : names.join(", "));

export const look = ({ severity }) => ({ tone: severity, drawing: severity === "info" ? "info" : "alarm", word: t(`severity.${severity}`) });

export function row(village, alarm, { tone, drawing, word } = look(alarm), known = "") {
  return html`<li><a class="alarm ${tone}" href=${address("alarms", alarm.id)}>${icon(drawing)}
    <span><b>${word}</b> ${alarm.text[language()]}<small>${when(alarm.at, village.zone)}${known}${alarm.state === "cleared" && holds(alarm) ? ` · ${t("over-but-held")}` : ""}</small></span>${icon("next")}</a></li>`;
}
