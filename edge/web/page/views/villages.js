/* Many villages on one page: each with whether its cabinet is heard, its alarms, its lights and its water; those that
   ask for somebody first. What is not heard now is not said to be so. */
import { html, nothing } from "lit-html";
import * as attention from "/app/attention.js";
import { ago, when } from "/app/format.js";
import { icon } from "/app/icons.js";
import { isOn } from "/app/reasons.js";
import { villageAddress } from "/app/router.js";
import { redraw } from "/app/screen.js";
import { flowing } from "/app/stop-bar.js";
import { villages } from "/app/store.js";
import { language, t } from "/app/words.js";

export const catalogue = "villages";
export const stylesheet = "log";

const SEARCH_FROM = 10; // as many villages fit on two screens; more want to be searched
let sought = "";

export function view() {
  const all = villages().map(picture);
  all.sort((a, b) => a.rank - b.rank || a.village.name.localeCompare(b.village.name, language()));
  const found = all.filter(({ village }) => plain(village.name).includes(plain(sought)) || village.id.includes(plain(sought)));
  return html`<h1>${t("page.villages")}</h1>
    <p>${summary(all)}</p>
    ${all.length < SEARCH_FROM ? nothing : html`<label class="stacked">${t("villages.search")} <input type="search" .value=${sought} autocomplete="off" @input=${(event) => { sought = event.target.value; redraw(); }}></label>`}
    <ul class="villages">${found.map((one) => html`<li>${card(one)}</li>`)}</ul>
    ${found.length ? nothing : html`<p class="message">${icon("info")} ${t("villages.none")}</p>`}`;
}

/** For searching: "nguyen ly" finds Nguyên Lý. */
const plain = (text) => text.trim().normalize("NFD").replace(/\p{M}/gu, "").replace(/đ/gi, "d").toLowerCase();

function picture(village) {
  const alarms = village.openAlarms.filter((alarm) => alarm.state === "raised");
  const unseen = attention.unseen(village);
  const critical = unseen.some((alarm) => alarm.severity === "critical");
  return { village, alarms, unseen, critical, rank: critical ? 0 : village.status === "offline" ? 1 : unseen.length ? 2 : 3 };
}

function summary(all) {
  const away = all.filter(({ village }) => village.status === "offline").length, alarmed = all.filter(({ unseen }) => unseen.length).length;
  return [t("villages.count", { n: all.length }), away ? t("villages.away", { n: away }) : "", alarmed ? t("villages.alarmed", { n: alarmed }) : ""].filter(Boolean).join(" · ");
}

function card(one) {
  const { village } = one;
  return html`<a class="tile" data-village=${village.id} href=${villageAddress(village.id)}>
    <h2>${icon("village")} ${village.name} ${icon("next")}</h2>${presence(village)}${alarmed(one)}${doing(village)}</a>`;
}

function presence(village) {
  if (village.status === "online") return html`<p>${icon("ok")} ${t("villages.online")}${village.time?.now ? ` ${t("villages.since", { time: when(village.time.now, village.zone) })}` : ""}</p>`;
  if (village.status === "unknown") return html`<p>${icon("clock")} ${t("asking")}</p>`;
  return html`<p class="doubt">${icon("offline")} ${t("villages.offline", { time: when(village.newest, village.zone), ago: ago(village.newest) })}</p>`;
}

function alarmed({ alarms, unseen, critical }) {
  if (alarms.length + unseen.length === 0) return nothing;
  const worst = unseen[0] ?? alarms[0];
  return html`<p class="alarm ${unseen.length ? worst.severity : "over"}">${icon(critical ? "alarm" : "info")}
    <span><b>${unseen.length ? t("alarms-open", { n: unseen.length }) : t("villages.known", { n: alarms.length })}</b><small>${worst.text[language()]}</small></span></p>`;
}

function doing(village) {
  const lights = village.of("light"), lit = lights.filter(isOn).length;
  const water = flowing(village).filter((valve) => valve.state.observed === "OPEN").map((valve) => valve.name);
  if (!attention.isFresh(village)) return html`<p>${t("villages.not-now")}</p>`;
  return html`${lights.length ? html`<p class="state">${icon("light")} ${t("lit-of", { n: lit, all: lights.length })}</p>` : nothing}
    ${water.length ? html`<p>${icon("water")} ${t("watering-now", { names: water.join(", ") })}</p>` : nothing}`;
}
