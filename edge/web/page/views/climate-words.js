/* A climate program in words, and what is wrong with one: summary and wrong, as /views/programs.js wants them.

   conditions(body)               its conditions, as objects of the body
   sideOf(condition)              {on, off}: the names of its two thresholds
   conditionSaid(village, body, condition)   "Bật từ 33 °C, tắt dưới 30 °C"
   unitOf(village, condition)                "°C"
   follows(programs, device)                 of programs, those that a switch follows, or that go by a sensor:
                                             [{program, body, conditions}] */
import { number } from "/app/format.js";
import { objects } from "/app/shapes.js";
import { t } from "/app/words.js";
import { quantityName } from "/views/details.js";
import { window, windowSaid } from "/views/program-terms.js";

export const conditions = (body) => objects([body.when].flat());

export const sideOf = (one) => (one.on_below === undefined ? { on: "on_above", off: "off_below" } : { on: "on_below", off: "off_above" });

export function unitOf(village, { sensor, quantity }) {
  return village.device("sensor", sensor)?.quantities.find((q) => q.name === quantity)?.unit ?? "";
}

export function conditionSaid(village, one) {
  const { on, off } = sideOf(one), unit = unitOf(village, one);
  const figure = (x) => `${number(x, 2)} ${unit}`.trim();
  return t(`c.${on}`, { on: figure(one[on]), off: figure(one[off]) });
}

export function summary(village, body) {
  const sensor = (one) => village.device("sensor", one.sensor)?.name ?? String(one.sensor);
  const some = conditions(body);
  return [
    ...some.map((one) => `${sensor(one)}, ${quantityName(one.quantity).toLocaleLowerCase()}: ${conditionSaid(village, one)}`),
    some.length > 1 ? t(body.match === "any" ? "c.any" : "c.all") : "",
    body.window === undefined ? t("c.all-day") : t("c.within", { window: windowSaid(body.window) }),
    t(body.if_stale === "on" ? "c.stale-on" : "c.stale-off"),
  ].filter(Boolean);
}

export function wrong(village, body) {
  const found = new Map();
  const path = (i) => (Array.isArray(body.when) ? `when[${i}]` : "when");
  conditions(body).forEach((one, i) => {
    const { on, off } = sideOf(one);
    if (on === "on_above" ? one[off] >= one[on] : one[off] <= one[on]) found.set(`${path(i)}.${off}`, t(`wrong.${off}`));
    const sensor = village.device("sensor", one.sensor);
    if (sensor && !sensor.quantities.some((q) => q.name === one.quantity)) found.set(`${path(i)}.quantity`, t("wrong.quantity", { name: sensor.name }));
  });
  const hours = window(body.window);
  if (hours && hours.from === hours.until) found.set("window", t("wrong.window"));
  return found;
}

export function follows(programs, device) {
  return programs.filter(({ kind }) => kind === "climate").map(({ program, body }) => ({ program, body, conditions: conditions(body) }))
    .map((one) => (device.kind === "sensor" ? { ...one, conditions: one.conditions.filter(({ sensor }) => sensor === device.id) } : one))
    .filter((one) => (device.kind === "sensor" ? one.conditions.length > 0 : one.program === device.program));
}
