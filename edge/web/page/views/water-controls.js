/* What a person can do with a run that is under way, and what it waits for.

   controls(village, valve)   pause or go on, skip, and cancel what only waits; nothing while no run has the valve
   reasonOf(village, device)  why a valve or a pump stands as it does: "chờ Thửa 1 · bạn tưới"; null where the words
                              that every device has say it
   alarmsOf(village, targets) open alarms of these devices
   waitsFor(village, valve)   "đang tưới", "chờ Thửa 1", "chờ nước thấm đến 05:40" */
import { html, nothing } from "lit-html";
import { holds, row as alarmRow } from "/app/attention.js";
import { pending, send } from "/app/commands.js";
import { when } from "/app/format.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { by, isOn } from "/app/reasons.js";
import { has, t } from "/app/words.js";
import { detailSaid } from "/views/details.js";

export function controls(village, valve) {
  const run = valve.state?.run;
  if (!run) return nothing;
  const idle = link.phase === "up" && pending(village, valve.target)?.phase !== "waiting";
  const one = (word, drawing, action = word) => html`<button class="button" ?disabled=${!idle} aria-label=${t(`${word}-of`, { name: valve.name })}
    @click=${() => send(village, valve.target, { action }, { undo: false })}>${icon(drawing)} ${t(`do.${word}`)}</button>`;
  return html`<div class="run-controls" role="group" aria-label=${t("run-of", { name: valve.name })}>
    ${run.phase === "paused" ? one("resume", "play") : one("pause", "pause")}
    ${(run.zones ?? 1) > 1 ? one("skip", "next") : nothing}
    ${valve.state.observed === "OPEN" || valve.state.state === "OPEN" ? nothing : one("cancel", "close", "close")}</div>`;
}

export function reasonOf(village, device) {
  const { state } = device;
  if (state?.run) return [waitsFor(village, device), state.by ? t("by-person", { by: by(state.by) }) : t("reason.program")].join(" · ");
  return detailSaid(village, device) || (device.kind === "pump" && state?.reason === "default" && !isOn(device) ? pumpIdle(village, device) : null);
}

function pumpIdle(village, pump) {
  const open = pump.valves.some((id) => isOn(village.device("valve", id) ?? {}));
  return t(open ? "pump-soon" : "pump-idle");
}

export function alarmsOf(village, targets) {
  const open = village.openAlarms.filter((alarm) => (alarm.state === "raised" || holds(alarm)) && targets.includes(alarm.device));
  return open.length === 0 ? nothing : html`<ul>${open.map((alarm) => alarmRow(village, alarm))}</ul>`;
}

export function waitsFor(village, valve) {
  const { run, until } = valve.state;
  if (run.phase === "soaking" && until !== null) return t("soaks-until", { time: when(until, village.zone) });
  if (run.phase === "watering" || run.phase === "paused") return t(`phase.${run.phase}`);
  return detailSaid(village, valve) || t(has(`phase.${run.phase}`) ? `phase.${run.phase}` : "phase.queued");
}
