/* Why a device stands as it does, in the person's words: what `detail` of its state says.

   detailSaid(village, device)  "" where there is nothing more to say than `reason` */
import { has, t } from "/app/words.js";

// The controller's texts are English and may change: what is not known here is shown as it came.
const KNOWN = [
  [/^another (valve has the pump|run has it)/, "detail.queue", (village, device) => ({ names: open(village, device) })],
  [/^it soaks/, "detail.soaks"],
  [/^paused/, "detail.paused"],
  [/^it goes on once the clock/, "detail.clock"],
  [/rests for ([\d.]+) s between/, "detail.rest", (_v, _d, m) => ({ n: Math.round(Number(m[1])) })],
  [/has run for as long as daily_max/, "detail.budget"],
  [/^(flow-none|flow-high|leak): acknowledge|is blocked \((flow-none|flow-high|leak)\)/, "detail.block", (_v, _d, m) => ({ why: t(`block.${m[1] ?? m[2]}`) })],
  [/locked by (.+)$/, "detail.locked", (_v, _d, m) => ({ by: m[1] })],
  [/on hand$/, "detail.hand"],
  [/^(\S+) has turned its pump off/, "detail.pump-off", (_v, _d, m) => ({ by: m[1] })],
  [/stands because the tank is empty|stands because .*empty/, "detail.tank-empty"],
  [/stands because .*full/, "detail.tank-full"],
  [/stands because/, "detail.tank-unknown"],
  [/contracted|no room/, "detail.power"],
  [/journal (cannot be written|has not answered)|memory card cannot be written/, "detail.card"],
  [/as long as max_on allows/, "detail.max-on"],
  [/does not come on/, "detail.stuck-off"],
  [/does not show that it is off|is going off/, "detail.going-off"],
  [/silent, (on|off) by if_stale/, "detail.stale"],
  [/not heard since the start/, "detail.not-heard"],
  [/stays off for min_off/, "detail.min-off"],
];

function open(village, device) {
  const others = village.of("valve").filter((v) => v.id !== device.id && v.pump === device.pump && v.state?.state === "OPEN");
  return others.map((v) => v.name).join(", ") || t("another-plot");
}

export function detailSaid(village, device) {
  const detail = device.state?.detail ?? "";
  if (detail === "") return "";
  const found = KNOWN.map(([form, key, named]) => [form.exec(detail), key, named]).find(([match]) => match !== null);
  // What a switch's condition says is shown beside its sensor, with the words of its program.
  if (!found) return /from -?[\d.]+ until below|below -?[\d.]+ until above/.test(detail) ? "" : t("detail.other", { detail });
  const [match, key, named] = found;
  return has(key) ? t(key, named?.(village, device, match) ?? {}) : detail;
}
