/* "For how long?": a sheet from below.

   askHowLong(village, device)   opens it; a choice sends the command and closes it
   openSheet(title, content)     any sheet: content(draw, close) is its inside */
import { html, nothing, render } from "lit-html";
import { send } from "/app/commands.js";
import { duration, nextAt, number, when } from "/app/format.js";
import { icon } from "/app/icons.js";
import { now } from "/app/clock.js";
import { sunrise } from "/app/sun.js";
import { t } from "/app/words.js";

const HOURS = { light: [1, 2, 4], switch: [0.5, 1, 2], valve: [] };
const MINUTES = [5, 10, 20, 30, 45, 60];
const LITRES = [50, 100, 200, 400];
let dialog = null;

export function openSheet(title, content) {
  dialog?.remove();
  dialog = document.createElement("dialog");
  dialog.className = "sheet";
  dialog.setAttribute("aria-labelledby", "sheet-title");
  document.body.append(dialog);
  const mine = dialog;
  const close = () => mine.close();
  addEventListener("hashchange", close, { once: true }); // it belongs to the page that it was opened on
  mine.addEventListener("close", () => mine.remove());
  mine.addEventListener("click", (event) => event.target === mine && close());
  const draw = () => render(html`<div class="inside"><div class="sheet-top"><h2 id="sheet-title">${title}</h2>
    <button class="button round" aria-label=${t("close")} @click=${close}>${icon("close")}</button></div>${content(draw, close)}</div>`, mine);
  draw();
  mine.showModal();
}

export function askHowLong(village, device) {
  let level = device.kind === "light" && device.levels.length > 2 ? 100 : null;
  openSheet(device.name, (draw, close) => {
    const does = (fields) => {
      send(village, device.target, fields);
      close();
    };
    if (device.kind === "valve") return water(device, does);
    const levels = device.levels.filter((one) => one > 0);
    return html`
      ${level === null ? nothing : html`<div class="choices" role="group" aria-label=${t("how-bright")}>${levels.map((one) => html`
        <button class="button" aria-pressed=${one === level} @click=${() => { level = one; draw(); }}>${number(one)} %</button>`)}</div>`}
      ${times(village, device, (bound) => does({ action: "on", ...(level === null ? {} : { level }), ...bound }))}
      <h3>${t("otherwise")}</h3>
      <div class="choices">
        <button class="button" @click=${() => does({ action: "off" })}>${t("do.off")}</button>
        <button class="button" @click=${() => does({ action: "auto" })}>${t("do.auto")}</button>
      </div>`;
  });
}

function times(village, device, does) {
  const { latitude, longitude } = village.about.site;
  const morning = device.kind === "light" && latitude !== null ? sunrise(now(), latitude, longitude) : null;
  const most = device.max_on_s ?? Infinity;
  const until = (event) => {
    event.preventDefault();
    const value = new FormData(event.target).get("until");
    if (value) does({ until: new Date(nextAt(value, village.zone)).toISOString() });
  };
  return html`<h3>${t("on-for")}</h3><div class="choices">
      ${HOURS[device.kind].filter((h) => h * 3600 <= most).map((h) => html`<button class="button" @click=${() => does({ for_s: h * 3600 })}>${duration(h * 3600)}</button>`)}
      ${morning === null ? nothing : html`<button class="button" @click=${() => does({ until: new Date(morning).toISOString() })}>${t("until-morning", { time: when(morning, village.zone) })}</button>`}
    </div>
    <form class="until" @submit=${until}><label>${t("until-time")} <input type="time" name="until" required value="22:00"></label>
      <button class="button">${t("do.on")}</button></form>`;
}

function water(device, does) {
  const most = (device.max_on_s ?? 3600) / 60;
  return html`<h3>${t("water-for")}</h3>
    <div class="choices">${MINUTES.filter((m) => m <= most).map((m) => html`<button class="button" @click=${() => does({ action: "open", for_s: m * 60 })}>${duration(m * 60)}</button>`)}</div>
    ${device.flow === null ? nothing : html`<h3>${t("water-litres")}</h3>
    <div class="choices">${LITRES.map((l) => html`<button class="button" @click=${() => does({ action: "open", volume_l: l })}>${number(l)} ${t("litres")}</button>`)}</div>`}
    <h3>${t("otherwise")}</h3>
    <div class="choices"><button class="button" @click=${() => does({ action: "close" })}>${t("do.close")}</button></div>`;
}
