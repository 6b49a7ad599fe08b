/* What the controller's own words are to a person.

   detailSaid(village, device)  why it stands as it does: what `detail` of its state says; "" where there is nothing more
                                to say than `reason`
   quantityName(name)           "Nhiệt độ" of temperature_c
   unheard(error)               that the cabinet is being asked, or with the error of asked.js that it has not answered */
import { html } from "lit-html";
import { has, t } from "/app/words.js";

// The controller's texts are English and may change: what is not known here is shown as it came.
const KNOWN = [
  [/^safe mode/, "stands.safe-mode"],
  [/^another (valve has the pump|run has it)/, "stands.queue", (village, device) => ({ names: open(village, device) })],
  [/^it soaks/, "stands.soaks"],
  [/^paused/, "stands.paused"],
  [/^it goes on once the clock/, "stands.clock"],
  [/rests for ([\d.]+) s between/, "stands.rest", (_v, _d, m) => ({ n: Math.round(Number(m[1])) })],
  [/has run for as long as daily_max/, "stands.budget"],
  [/^(flow-none|flow-high|leak): acknowledge|is blocked \((flow-none|flow-high|leak)\)/, "stands.block", (_v, _d, m) => ({ why: t(`block.${m[1] ?? m[2]}`) })],
  [/locked by (.+)$/, "stands.locked", (_v, _d, m) => ({ by: m[1] })],
  [/on hand$/, "stands.hand"],
  [/^(\S+) has turned its pump off/, "stands.pump-off", (_v, _d, m) => ({ by: m[1] })],
  [/stands because the tank is empty|stands because .*empty/, "stands.tank-empty"],
  [/stands because .*full/, "stands.tank-full"],
  [/stands because/, "stands.tank-unknown"],
  [/contracted|no room/, "stands.power"],
  [/journal (cannot be written|has not answered)|memory card cannot be written/, "stands.card"],
  [/as long as max_on allows/, "stands.max-on"],
  [/does not come on/, "stands.stuck-off"],
  [/does not show that it is off|is going off/, "stands.going-off"],
  [/silent, (on|off) by if_stale/, "stands.stale"],
  [/not heard since the start/, "stands.not-heard"],
  [/stays off for min_off/, "stands.min-off"],
];

export const quantityName = (name) => (has(`quantity.${name}`) ? t(`quantity.${name}`) : String(name));

export const unheard = (error) => html`<p>${t(error ? "not-answered" : "asking")}</p>`;

function open(village, device) {
  const others = village.of("valve").filter((v) => v.id !== device.id && v.pump === device.pump && v.state?.state === "OPEN");
  return others.map((v) => v.name).join(", ") || t("another-plot");
}

export function detailSaid(village, device) {
  const detail = device.state?.detail ?? "";
  if (detail === "") return "";
  const found = KNOWN.map(([form, key, named]) => [form.exec(detail), key, named]).find(([match]) => match !== null);
  // What a switch's condition says is shown beside its sensor, with the words of its program.
  if (!found) return /from -?[\d.]+ until below|below -?[\d.]+ until above/.test(detail) ? "" : t("stands.other", { detail });
  const [match, key, named] = found;
  return has(key) ? t(key, named?.(village, device, match) ?? {}) : detail;
}
