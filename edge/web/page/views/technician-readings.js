/* readings(village): what every meter and sensor said last, figure by figure, with its age and what is doubted in it. */
import { html, nothing } from "lit-html";
import { ago, number, when } from "/app/format.js";
import { icon } from "/app/icons.js";
import { t } from "/app/words.js";

export function readings(village) {
  const devices = [...village.of("meter"), ...village.of("sensor")];
  if (devices.length === 0) return html`<p>${t("tech.no-meters")}</p>`;
  return html`${devices.map((device) => html`<section class="panel" data-target=${device.target}>${one(village, device)}</section>`)}`;
}

function one(village, device) {
  const { reading } = device;
  const silent = village.silent(device);
  return html`<h3>${icon(device.kind)} ${device.name}</h3>
    <p class="under">${device.target} · ${device.model ?? t("unknown")}</p>
    ${reading === null ? html`<p class="doubt">${icon("unknown")} ${t("tech.never-read")}</p>` : html`
      <p class=${silent ? "doubt" : ""}>${silent ? icon("offline") : nothing} ${t(silent ? "tech.read-silent" : "tech.read", { time: when(reading.at, village.zone), ago: ago(reading.at) })}</p>
      <p class=${reading.quality === "good" ? "" : "doubt"}>${reading.quality === "good" ? t("tech.good") : html`${icon("alarm")} ${t("tech.suspect", { figures: reading.suspect.join(", ") })}`}
        · ${t("tech.life", { n: number(reading.life) })}</p>
      <table><caption class="aside">${device.name}</caption><tbody>${figures(device)}</tbody></table>`}`;
}

function figures({ quantities, reading }) {
  const named = new Map(quantities.map((q) => [q.name, q.unit]));
  const names = [...named.keys(), ...Object.keys(reading.values).filter((name) => !named.has(name))];
  return names.map((name) => html`<tr><th scope="row"><code>${name}</code></th>
    <td>${name in reading.values ? `${number(reading.values[name], 3)} ${named.get(name) ?? ""}` : t("unknown")}${reading.suspect.includes(name) ? html` <b>${t("tech.doubted")}</b>` : nothing}</td></tr>`);
}
