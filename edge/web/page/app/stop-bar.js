/* "Stop all water", in the same place on every page while any water flows or waits: above the ways to go, where the
   thumb is: stopBar(village), there while the picture is unknown, too. stopButton(village): the button alone, for a page
   of its own; flowing(village): the valves it is for. */
import { html, nothing } from "lit-html";
import { ask, whyNot } from "/app/asks.js";
import { icon } from "/app/icons.js";
import { redraw } from "/app/screen.js";
import { t } from "/app/words.js";

const asked = new Map(); // village → "waiting", "done", or why not

async function stopWater(village) {
  asked.set(village.id, "waiting");
  redraw();
  try {
    await ask(village, "stop-water", {}, 3);
    asked.set(village.id, "done");
  } catch (error) {
    asked.set(village.id, whyNot(error));
  }
  redraw();
  setTimeout(() => { asked.delete(village.id); redraw(); }, 6000);
}

/** Valves that are open or whose runs wait, by their names. */
export const flowing = (village) => village.of("valve").filter((v) => v.state && (v.state.state === "OPEN" || v.state.observed === "OPEN" || v.state.run));

export function stopBar(village) {
  const valves = village.of("valve");
  if (valves.length === 0) return nothing;
  const some = flowing(village);
  const unsure = valves.some((v) => v.state?.observed === "unknown");
  const said = asked.get(village.id);
  if (some.length === 0 && !unsure && said === undefined) return nothing;
  const open = some.filter((v) => v.state.observed === "OPEN" || v.state.state === "OPEN").map((v) => v.name);
  const what = open.length ? t("watering-now", { names: open.join(", ") }) : unsure ? t("water-unknown") : some.length ? t("water-waits") : t("water-all-closed");
  return html`<div class="stop-bar"><p aria-live="polite">${said === undefined || said === "waiting" || said === "done" ? what : t(`stop.${said}`)}</p>${stopButton(village)}</div>`;
}

export function stopButton(village) {
  const said = asked.get(village.id);
  const words = said === "waiting" ? t("waiting") : said === "done" ? t("stop.done") : t("stop-water");
  return html`<button class="button stop" ?disabled=${said === "waiting"} @click=${() => stopWater(village)}>${icon("stop")} ${words}</button>`;
}
