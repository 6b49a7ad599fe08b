/* One pump: whether it runs, for which plots, what its meter shows, and why it stands. */
import { html, nothing } from "lit-html";
import { row } from "/app/controls.js";
import { duration, quantity } from "/app/format.js";
import { said } from "/app/reasons.js";
import { address } from "/app/router.js";
import { t } from "/app/words.js";
import { curve } from "/views/curve.js";
import { alarmsOf, reasonOf } from "/views/water-controls.js";

export function pump(village, device) {
  const meter = device.meter && village.device("meter", device.meter);
  const valves = device.valves.map((id) => village.device("valve", id)).filter(Boolean);
  return html`<h1>${device.name}</h1><h2 class="aside">${t("at-present")}</h2>
    ${row(village, device, { reason: reasonOf(village, device) })}
    ${alarmsOf(village, [device.target, ...valves.map((valve) => valve.target)])}
    <p>${t("pump-follows")}</p>
    <section aria-labelledby="feeds-head"><h2 id="feeds-head">${t("feeds")}</h2>
      <ul class="figures">${valves.map((valve) => html`<li><a href=${address("water", valve.id)}><b>${valve.name}</b>
        <span>${device.state?.valves.includes(valve.id) ? t("gets-water") : said(valve).word}</span></a></li>`)}</ul></section>
    ${meter ? power(village, device, meter) : nothing}
    ${flow(village, valves)}
    ${device.max_on_s === null ? nothing : html`<p>${t("most-at-once", { time: duration(device.max_on_s) })}</p>`}`;
}

function power(village, device, meter) {
  const others = village.of("light").concat(village.of("pump")).filter((one) => one.meter === meter.id && one.target !== device.target);
  return html`<section aria-labelledby="power-head"><h2 id="power-head">${t("power")}</h2>
    ${curve(village, meter, { name: "power_w", unit: "W" })}
    <p>${device.rated_w === null ? nothing : t("rated", { power: quantity(device.rated_w, "W") })} ${others.length ? t("meter-shared", { name: meter.name }) : ""}</p></section>`;
}

function flow(village, valves) {
  const meters = [...new Set(valves.map((valve) => valve.flow).filter(Boolean))].map((id) => village.device("sensor", id)).filter(Boolean);
  return meters.length === 0 ? nothing : html`<section aria-labelledby="flow-head"><h2 id="flow-head">${t("water-meter")}</h2>
    ${meters.map((meter) => curve(village, meter, { name: "flow_l_min", unit: "l/min" }))}</section>`;
}
