/* bus(village): how the exchanges on each serial line go, the worst device first, since the start or of the last full
   hour. Asked for anew every half minute while it is looked at. */
import { html, nothing } from "lit-html";
import { stale, wanted } from "/app/asked.js";
import { number, quantity, when } from "/app/format.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { redraw } from "/app/screen.js";
import { number as figure, objects, time } from "/app/shapes.js";
import { t } from "/app/words.js";
import { nameOf } from "/views/where.js";

const ASK_S = 30;
const FAULTS = ["no_answer", "checksum", "other"];
const GOOD_SHARE = 0.99; // less than that wants a look at the wiring
let ofHour = false;


export function bus(village) {
  const { answer, error, asking } = wanted(village, "bus", {}, ASK_S);
  if (answer === null) return html`<p role="status">${icon(asking || !error ? "clock" : "alarm")} ${asking || !error ? t("waiting") : said(error)}</p>`;
  const hour = answer.hour;
  const shownHour = ofHour && hour;
  const at = (text) => when(time(text), village.zone);
  return html`<div class="choices" role="group" aria-label=${t("tech.span")}>
      ${[false, true].map((one) => html`<button class="button" aria-pressed=${one === Boolean(shownHour)} ?disabled=${one && !hour} @click=${() => { ofHour = one; redraw(); }}>${t(one ? "tech.hour" : "tech.all-time")}</button>`)}</div>
    <p>${shownHour ? t("tech.from-to", { from: at(hour.from), to: at(hour.to) }) : t("tech.since", { time: at(answer.since) })}</p>
    ${hour ? nothing : html`<p class="under">${t("tech.no-hour")}</p>`}
    ${error ? html`<p class="doubt">${icon("alarm")} ${said(error)}</p>` : nothing}
    <button class="button wide" ?disabled=${asking || link.phase !== "up"} @click=${() => { stale(village, "bus"); redraw(); }}>${t(asking ? "waiting" : "tech.refresh")}</button>
    ${objects(answer.ports).map((port) => onePort(village, port, shownHour))}`;
}

const said = (error) => (error.code === "silent" ? t("tech.bus-silent") : error.code === "offline" ? t("tech.offline") : error.message);

function onePort(village, port, shownHour) {
  const devices = objects(port.devices).map((device) => tally(device, shownHour ? device.hour : device));
  devices.sort((a, b) => (a.share ?? 2) - (b.share ?? 2));
  return html`<h3>${t("tech.port", { port: String(port.port) })}</h3>
    ${port.gone === true ? html`<p class="doubt">${icon("alarm")} ${t("tech.port-gone")}</p>` : nothing}
    ${devices.map((device) => one(village, device))}`;
}

function tally(device, counted) {
  const all = figure(counted?.exchanges) ?? 0, good = figure(counted?.good) ?? 0;
  return {
    target: String(device.device), address: figure(device.address), all, share: all ? good / all : null, counted: counted ?? {},
    mean: figure(counted?.mean_ms), slowest: figure(counted?.slowest_ms),
  };
}

function one(village, { target, address, all, share, counted, mean, slowest }) {
  const bad = share !== null && share < GOOD_SHARE;
  return html`<section class="panel" data-target=${target}><h4>${nameOf(village, target)}</h4>
    <p class="under">${target} · ${t("tech.address", { n: number(address) })}</p>
    <p class=${bad ? "state doubt" : "state"}>${icon(share === null ? "unknown" : bad ? "alarm" : "ok")} ${share === null ? t("tech.not-asked") : t("tech.answered", { share: number(share * 100, share > 0.9995 ? 0 : 1), n: number(all) })}</p>
    ${share === null ? nothing : html`<p>${FAULTS.map((name) => t(`tech.${name}`, { n: number(figure(counted[name]) ?? 0) })).join(" · ")}</p>
      <p>${t("tech.takes", { mean: quantity(mean, "ms"), slowest: quantity(slowest, "ms") })}</p>`}</section>`;
}
