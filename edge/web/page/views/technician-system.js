/* system(village): versions, clocks and the way of a message, as far as this phone knows them. */
import { html } from "lit-html";
import { now } from "/app/clock.js";
import { ago, clock, date, duration, when } from "/app/format.js";
import { link } from "/app/link.js";
import { has, t } from "/app/words.js";

const SLACK_MS = 2000; // app/clock.js does not look at less

export function system(village) {
  const { about, time } = village;
  const off = now() - Date.now();
  const rows = {
    controller: about.version || t("unknown"),
    contract: about.contract === null ? t("unknown") : String(about.contract),
    page: document.documentElement.dataset.page ?? t("unknown"),
    cabinet: village.status === "unknown" ? t("unknown") : t(`tech.status.${village.status}`),
    newest: village.newest === null ? t("unknown") : `${when(village.newest, village.zone)} (${ago(village.newest)})`,
    clock: time === null ? t("unknown") : t(time.trusted ? "tech.trusted" : "tech.untrusted", { source: has(`tech.source.${time.source}`) ? t(`tech.source.${time.source}`) : time.source ?? t("unknown") }),
    told: time?.now ? `${date(time.now, village.zone)} ${clock(time.now, village.zone)}` : t("unknown"),
    phone: Math.abs(off) < SLACK_MS ? t("tech.phone-right") : t(off > 0 ? "tech.phone-behind" : "tech.phone-ahead", { time: duration(Math.abs(off) / 1000) }),
    link: t(`tech.link.${link.phase}`, { ago: ago(link.since) }),
    heard: link.heard === null ? t("unknown") : ago(link.heard),
    server: location.origin,
    user: link.user ?? t("unknown"),
    site: village.id,
    place: about.site.timezone,
  };
  return html`<table><caption class="aside">${t("tech.system")}</caption><tbody>
    ${Object.entries(rows).map(([name, value]) => html`<tr data-row=${name}><th scope="row">${t(`tech.row.${name}`)}</th><td>${value}</td></tr>`)}</tbody></table>`;
}
