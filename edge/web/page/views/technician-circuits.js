/* circuits(village): every output as it is wanted and seen, with its hours, and the lockout of whoever works on it. */
import { html, nothing } from "lit-html";
import { number } from "/app/format.js";
import { openSheet } from "/app/how-long.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { isLocked, said, why } from "/app/reasons.js";
import { t } from "/app/words.js";
import { drop, lock, locking, release } from "/views/lockout.js";

const NOTE_CHARACTERS = 200; // docs/mqtt.md
const KINDS = ["light", "valve", "pump", "switch"];

export const circuits = (village) => KINDS.flatMap((kind) => village.of(kind)).map((device) => html`<section class="panel" data-target=${device.target}>${one(village, device)}</section>`);

function one(village, device) {
  const { state } = device;
  return html`<h3>${isLocked(device) ? icon("lock") : nothing} ${device.name}</h3>
    <p class="under">${device.target}</p>
    <p class="state">${said(device).word}</p><p>${why(village, device)}</p>
    ${state?.detail ? html`<p class="detail"><code>${state.detail}</code></p>` : nothing}
    ${state?.circuits.length ? table(village, device) : nothing}
    <div class="choices">${isLocked(device) ? open(village, device, null) : html`<button class="button" ?disabled=${link.phase !== "up"} aria-haspopup="dialog" @click=${() => choose(village, device)}>${icon("lock")} ${t("tech.lock")}</button>`}</div>
    ${answer(village, device)}`;
}

function table(village, device) {
  return html`<table><thead><tr>${["circuit", "wanted", "seen", "hours"].map((name) => html`<th scope="col">${t(`tech.${name}`)}</th>`)}</tr></thead><tbody>
    ${device.state.circuits.map((c) => html`<tr><th scope="row">${c.locked ? icon("lock") : nothing}${c.id}</th><td>${t(c.on ? "tech.on" : "tech.off")}</td>
      <td>${c.observed === null ? t("unknown") : t(c.observed ? "tech.on" : "tech.off")}${c.observed === null || c.observed === c.on ? nothing : html` <b>${t("tech.differs")}</b>`}</td><td>${number(c.hours)}</td></tr>`)}
    </tbody></table>
    ${isLocked(device) ? nothing : html`<div class="choices">${device.state.circuits.filter((c) => c.locked).map((c) => open(village, device, c.id))}</div>`}`;
}

const open = (village, device, circuit) => html`<button class="button" ?disabled=${link.phase !== "up"} @click=${() => release(village, device.target, circuit)}>${icon("lock")}
  ${circuit === null ? t("tech.release") : t("tech.release-circuit", { circuit })}</button>`;

function choose(village, device) {
  let circuit = null;
  openSheet(t("tech.lock-of", { name: device.name }), (draw, close) => {
    const one = (id, label) => html`<button type="button" class="button" aria-pressed=${circuit === id} @click=${() => { circuit = id; draw(); }}>${label}</button>`;
    const several = device.kind === "light" && device.state?.circuits.length > 1;
    const send = (event) => {
      event.preventDefault();
      lock(village, device.target, circuit, new FormData(event.target).get("note").trim());
      close();
    };
    return html`<form @submit=${send}>
      <p>${t(device.kind === "light" ? "tech.lock-light" : "tech.lock-stops")}</p>
      ${several ? html`<h3>${t("tech.lock-what")}</h3><div class="choices">${one(null, t("tech.lock-all"))}${device.state.circuits.map((c) => one(c.id, t("tech.circuit-named", { circuit: c.id })))}</div>` : nothing}
      <label class="stacked">${t("tech.lock-note")} <input name="note" type="text" maxlength=${NOTE_CHARACTERS} autocomplete="off"></label>
      <p>${t("tech.lock-outlasts")}</p>
      <button class="button main wide">${icon("lock")} ${t("tech.lock")}</button></form>`;
  });
}

function answer(village, device) {
  const it = locking(village, device.target);
  if (it === null) return html`<div aria-live="polite"></div>`;
  const waiting = it.phase === "waiting" || it.phase === "accepted";
  return html`<div aria-live="polite"><p class="outcome ${it.phase}">${icon(waiting ? "clock" : it.phase === "done" ? "ok" : "alarm")} ${t(`tech.lockout-${it.phase}`, { message: it.message })}</p>
    ${waiting ? nothing : html`<button class="button" @click=${() => drop(village, device.target)}>${t("understood")}</button>`}</div>`;
}
