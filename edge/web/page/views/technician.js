/* For whoever mends it: raw readings, circuits and lockouts, the serial lines, versions and clocks. Nothing here is
   forbidden by the page: what a user may do is the broker's to say. */
import { html } from "lit-html";
import { redraw } from "/app/screen.js";
import { t } from "/app/words.js";
import { bus } from "/views/technician-bus.js";
import { circuits } from "/views/technician-circuits.js";
import { readings } from "/views/technician-readings.js";
import { system } from "/views/technician-system.js";

export const catalogue = "technician";
export const stylesheet = "log";

const PARTS = { readings, circuits, bus, system };
const shown = new Set();

export const view = ({ village }) => html`<h1>${t("page.technician")}</h1>
  ${Object.entries(PARTS).map(([name, part]) => html`<details class="fold" data-part=${name} ?open=${shown.has(name)} @toggle=${(event) => toggled(event, name)}>
    <summary><h2>${t(`tech.${name}`)}</h2></summary>${shown.has(name) ? html`<div>${part(village)}</div>` : ""}</details>`)}`;

/** What is closed is not drawn, nor asked for. */
function toggled(event, name) {
  if (event.target !== event.currentTarget || event.target.open === shown.has(name)) return;
  if (event.target.open) shown.add(name);
  else shown.delete(name);
  redraw();
}
