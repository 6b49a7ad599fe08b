/* Everything else: the other pages, the language, and leaving. */
import { html, nothing } from "lit-html";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { address } from "/app/router.js";
import { forget } from "/app/session.js";
import { villages } from "/app/store.js";
import { choose, language, t } from "/app/words.js";

const PAGES = [["crops", "crop"], ["programs", "calendar"], ["alarms", "alarm"], ["log", "log"], ["technician", "tool"]];

function leave() {
  if (!confirm(t("leave-sure"))) return;
  forget();
  location.reload();
}

export const view = ({ village }) => html`<h1>${t("way.more")}</h1>
  <ul class="pages">
    ${village === null ? nothing : PAGES.map(([name, drawing]) => html`<li><a href=${address(name)}>${icon(drawing)} ${t(`page.${name}`)} ${icon("next")}</a></li>`)}
    ${villages().length < 2 ? nothing : html`<li><a href="#/villages">${icon("village")} ${t("page.villages")} ${icon("next")}</a></li>`}
  </ul>
  <h2>${t("language")}</h2>
  <div class="choices" role="group" aria-label=${t("language")}>
    <button class="button" lang="vi" aria-pressed=${language() === "vi"} @click=${() => choose("vi")}>Tiếng Việt</button>
    <button class="button" lang="en" aria-pressed=${language() === "en"} @click=${() => choose("en")}>English</button>
  </div>
  <h2>${t("this-phone")}</h2>
  <p>${t("logged-in-as", { user: link.user ?? "" })}</p>
  <button class="button" @click=${leave}>${t("leave")}</button>`;
