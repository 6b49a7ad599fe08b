/* A device that can be switched, as a row with one large button, the same everywhere.

   row(village, device, {more, reason})  name, state, why (reason: other words for it); one tap switches; a second control says for how long
   PAGE                          kind → the view that has its page
   answer(village, device)       what became of the last tap: waiting, refused and why, not answered; nothing if all went well */
import { html, nothing } from "lit-html";
import { dismiss, pending, send } from "/app/commands.js";
import { askHowLong } from "/app/how-long.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { isLocked, isOn, said, why } from "/app/reasons.js";
import { address } from "/app/router.js";
import { has, t } from "/app/words.js";

const DRAWING = { light: "light", valve: "water", pump: "pump", switch: "fan" };
export const PAGE = { light: "lights", valve: "water", pump: "water", switch: "crops" };
const verbs = (device) => (device.kind === "valve" ? { on: "open", off: "close" } : { on: "on", off: "off" });

export function row(village, device, { more = nothing, reason = null } = {}) {
  const { word, tone } = said(device);
  return html`<article class="device ${tone}" data-target=${device.target}>
    <a class="what" href=${address(PAGE[device.kind], device.id)}>
      ${icon(isLocked(device) ? "lock" : device.state?.reason === "hand" ? "hand" : DRAWING[device.kind])}
      <h3>${device.name}</h3>
      <p class="state">${word}</p>
      <p class="why">${reason ?? why(village, device)}</p>
      ${more}
    </a>
    <div class="does">${button(village, device)}${howLong(village, device)}</div>
    ${answer(village, device)}
  </article>`;
}

function button(village, device) {
  const waiting = pending(village, device.target)?.phase === "waiting";
  const { on, off } = verbs(device);
  const one = (action, label, kind) => html`<button class="button switch ${kind}" ?disabled=${link.phase !== "up" || (waiting && kind === "turn-on")}
      aria-busy=${waiting} aria-label=${`${label} ${device.name}`}
      @click=${() => send(village, device.target, { action })}>${waiting ? t("waiting") : label}</button>`;
  const turnOn = () => one(on, t(`do.${on}`), "turn-on"), turnOff = () => one(off, t(`do.${off}`), "turn-off");
  if (device.state === null || device.state.observed === "unknown") return html`${turnOff()}${turnOn()}`;
  return isOn(device) ? turnOff() : turnOn();
}

function howLong(village, device) {
  if (device.kind === "pump") return nothing;
  return html`<button class="button round" ?disabled=${link.phase !== "up"} aria-haspopup="dialog"
      aria-label=${t("how-long-of", { name: device.name })} @click=${() => askHowLong(village, device)}>${icon("clock")}</button>`;
}

export function answer(village, device) {
  const it = pending(village, device.target);
  if (it === null) return html`<div class="answer" aria-live="polite"></div>`;
  const bad = !["waiting", "accepted"].includes(it.phase);
  return html`<div class="answer ${bad ? "bad" : ""}" aria-live="polite"><p>${icon(bad ? "alarm" : "clock")} ${outcome(it)}</p>
    ${bad ? html`<button class="button round" aria-label=${t("understood")} @click=${() => dismiss(village, device.target)}>${icon("close")}</button>` : nothing}</div>`;
}

function outcome({ phase, error }) {
  if (phase === "rejected" || phase === "failed") {
    const key = `error.${error?.code}`;
    return has(key) ? t(key) : t(`phase-of.${phase}`, { message: error?.message ?? "" });
  }
  return t(`phase-of.${phase}`, { message: error?.message ?? "" });
}
