/* In words: how a device is, and why until when.

   said(device)          "Đang sáng 33 %", by what is observed: {word, tone}; tone is "on", "off", "part" or "unknown"
   why(village, device)  "theo lịch đến 22:30" */
import { duration, number, when } from "/app/format.js";
import { link } from "/app/link.js";
import { has, t } from "/app/words.js";

export function said(device) {
  const state = device.state;
  if (state === null || state.observed === "unknown") return { word: t("unknown"), tone: "unknown" };
  if (state.observed === "partial") return { word: t("state.partial", { level: number(state.observed_level) }), tone: "part" };
  const on = state.observed === "ON" || state.observed === "OPEN";
  if (device.kind === "light" && on && state.observed_level !== null && state.observed_level < 100) {
    return { word: t("state.light.level", { level: number(state.observed_level) }), tone: "on" };
  }
  return { word: t(`state.${device.kind}.${on ? "on" : "off"}`), tone: on ? "on" : "off" };
}

const HOLDS = ["safety", "lockout", "hand"]; // these end when somebody says so, whatever a program wants next

/** Whether somebody works on it: an output of its own that is locked, or a whole light. */
export const isLocked = ({ state }) => state !== null && (state.locked || state.reason === "lockout");

export const isOn = (device) => ["ON", "OPEN", "partial"].includes(device.state?.observed);

export function why(village, device) {
  const state = device.state;
  if (state === null) return t("nothing-known");
  if (state.run && device.kind === "valve") return runSaid(village, state);
  if (device.kind === "valve" && state.reason === "default") {
    return state.next?.at ? t("next-water", { time: when(state.next.at, village.zone) }) : t("no-water-soon");
  }
  const until = state.until === null ? "" : t("until", { time: when(state.until, village.zone) });
  const key = `reason.${state.reason === "safety" && device.kind === "light" ? "safe-mode" : state.reason}`; // no other danger moves a light
  const reason = state.reason === "override" ? bySomebody(state) : has(key) ? t(key) : state.reason;
  const next = until === "" && state.next?.at && !HOLDS.includes(state.reason) ? t("next-at", { time: when(state.next.at, village.zone) }) : "";
  return [reason, until, next].filter(Boolean).join(" ");
}

function runSaid(village, state) {
  const { phase, planned_s, done_s, planned_l, litres } = state.run;
  const left = planned_l ? t("litres-of", { done: number(litres ?? 0), planned: number(planned_l) })
    : planned_s ? t("time-of", { done: duration(done_s), planned: duration(planned_s) }) : "";
  const who = state.by ? bySomebody({ ...state, state: "OPEN" }) : t("reason.program");
  return [t(has(`phase.${phase}`) ? `phase.${phase}` : "phase.queued"), left, who].filter(Boolean).join(" · ");
}

const bySomebody = (state) => t(`override.${state.state}`, { by: by(state.by) });

/** A user as the person knows them. */
export const by = (user) => (user === null ? t("somebody") : user === link.user ? t("you") : user);
