/* The days of a week as programs write them, "mon,wed", and the buttons to choose them.

   weekdays(text)          ["mon", "wed"]; also of what is no text
   weekdayButtons(text, put)   text(): as it is when a button is tapped; put(text) takes it with that day in or out */
import { html } from "lit-html";
import { t } from "/app/words.js";

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
export const weekdays = (text) => String(text ?? "").split(",").map((day) => day.trim()).filter(Boolean);

export function weekdayButtons(text, put) {
  const chosen = weekdays(text());
  const toggle = (day) => {
    const before = weekdays(text()); // it may be another since this was drawn
    put(WEEKDAYS.filter((one) => (one === day) !== before.includes(one)).join(","));
  };
  return html`<div class="choices days" role="group" aria-label=${t("nights.which-days")}>${WEEKDAYS.map((day) => html`
    <button class="button" aria-pressed=${chosen.includes(day)} aria-label=${t(`day.${day}`)} @click=${() => toggle(day)}>${t(`day.short.${day}`)}</button>`)}</div>`;
}
