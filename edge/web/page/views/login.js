/* A phone that nobody has let in yet: says how to get in, and takes a pasted address. */
import { html } from "lit-html";
import { icon } from "/app/icons.js";
import { takeText } from "/app/session.js";
import { t } from "/app/words.js";

function entered(event) {
  event.preventDefault();
  const field = event.target.querySelector("input");
  if (takeText(field.value)) location.reload();
  else field.setCustomValidity(t("login.bad"));
  field.reportValidity();
}

export const view = () => html`<main class="login" id="content">
  <h1>${icon("village")} ${t("app")}</h1>
  <p>${t("login.scan")}</p>
  <form @submit=${entered}>
    <label>${t("login.paste")} <input type="text" autocomplete="off" autocapitalize="off" spellcheck="false" required
      @input=${(event) => event.target.setCustomValidity("")}></label>
    <button class="button main">${t("login.enter")}</button>
  </form>
</main>`;
