/* One meter: its power now and through a day, the days of a month, the months of a year, and its bills. */
import { html, nothing } from "lit-html";
import { chart } from "/app/chart.js";
import { now } from "/app/clock.js";
import { ago, date, dayStart, isoDay, weekday } from "/app/format.js";
import { icon } from "/app/icons.js";
import { redraw } from "/app/screen.js";
import { t } from "/app/words.js";
import * as bill from "/views/energy-bill.js";
import { against, begins, energy, monthNow, monthOf, shift } from "/views/energy-figures.js";
import { history } from "/views/history.js";
import { compared, dayPoints, kwhs, measured, monthName, paid, stepper, trouble, watt } from "/views/energy-words.js";

const DAY = 86400000;
const back = { days: 0, months: 0, years: 0 };

/** `months`: which month is shown at first, how many back. */
export const entered = (months) => Object.assign(back, { days: 0, months, years: 0 });

function steps(name) {
  const by = (n) => () => { back[name] += n; redraw(); };
  return { earlier: by(1), later: back[name] > 0 ? by(-1) : null };
}

export const view = (village, meter) => html`<h1>${meter.name}</h1>${power(village, meter)}${month(village, meter)}${year(village, meter)}${bill.section(village, meter)}`;

function power(village, meter) {
  if (!meter.quantities.some((q) => q.name === "power_w")) return nothing;
  const zone = village.zone, today = dayStart(now(), zone);
  const from = dayStart(today + DAY / 2 - back.days * DAY, zone), to = dayStart(from + 1.5 * DAY, zone);
  const { points, step_s, error } = history(village, meter.target, "power_w", { from, to, step: "auto" }, back.days === 0 ? 60 : 3600);
  const label = back.days === 0 ? t("energy.today") : `${weekday(from, zone)} ${date(from, zone)}`;
  return html`<p class="now">${icon("energy")} ${atNow(village, meter)}</p>
    ${stepper(label, steps("days"), points === null ? trouble(error)
      : chart(points, { kind: "band", unit: "W", digits: 0, zone, from, to, step_s, label: t("energy.power-of", { name: meter.name }) }))}`;
}

function atNow(village, meter) {
  const watts = village.figure(meter, "power_w");
  if (watts !== null) return t("energy.now", { power: watt(watts) });
  return meter.reading ? t("energy.now-lost", { ago: ago(meter.reading.at) }) : t("energy.now-unknown");
}

function month(village, meter) {
  const shown = shift(monthNow(village), -back.months);
  const found = monthOf(village, meter, shown);
  const label = t("energy.days-of", { month: monthName(shown) });
  const inner = found.month === null || found.days === null ? trouble(found.error) : html`<div class="tile total">
      <p class="state"><span class="kwh">${kwhs(found.month.kwh)}</span> · <span class="amount">${paid(meter, found.month.amount)}</span></p>
      ${found.month.estimated > 0 ? html`<p class="why">${t("energy.estimated", { kwh: kwhs(found.month.estimated) })}</p>` : nothing}
      ${measured(found.month)}${compared(against(found))}</div>
    ${chart(dayPoints(found.days), { kind: "bars", unit: "kWh", each: "day", zone: village.zone, label: `${meter.name}: ${label}` })}`;
  return stepper(monthName(shown), steps("months"), inner);
}

function year(village, meter) {
  const shown = String(Number(isoDay(now(), village.zone).slice(0, 4)) - back.years);
  const { periods, error } = energy(village, meter, "month", begins(`${shown}-01`, village.zone), begins(`${Number(shown) + 1}-01`, village.zone));
  const label = t("energy.year", { year: shown });
  return stepper(label, steps("years"), periods === null ? trouble(error)
    : chart(dayPoints(periods), { kind: "bars", unit: "kWh", each: "month", zone: village.zone, label: `${meter.name}: ${t("energy.months-of", { year: shown })}` }));
}
