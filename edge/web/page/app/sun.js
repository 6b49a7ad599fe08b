/* When the sun rises and sets, within some minutes: to tell a person about when; what the lights do is reckoned in the
   cabinet.
   After the low-precision formulae of the Astronomical Almanac, page C24. */
const DAY = 86400000;
const J2000 = Date.UTC(2000, 0, 1, 12);
const rad = Math.PI / 180;

/** The first sunrise after `ms`, Unix ms; where the sun does not rise, six in the morning by the sun. */
export const sunrise = (ms, latitude, longitude) => first(ms, latitude, longitude, -1);

/** Likewise the first sunset. */
export const sunset = (ms, latitude, longitude) => first(ms, latitude, longitude, 1);

function first(ms, latitude, longitude, side) {
  for (let day = Math.floor(ms / DAY) - 1; ; day += 1) {
    const at = crossing(day, latitude, longitude, side);
    if (at > ms) return at;
  }
}

function crossing(day, latitude, longitude, side) {
  const noon = day * DAY + DAY / 2 - (longitude / 360) * DAY;
  const n = (noon - J2000) / DAY;
  const mean = 280.46 + 0.9856474 * n, anomaly = (357.528 + 0.9856003 * n) * rad;
  const ecliptic = (mean + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * rad;
  const obliquity = 23.439 * rad;
  const declination = Math.asin(Math.sin(obliquity) * Math.sin(ecliptic));
  const ascension = Math.atan2(Math.cos(obliquity) * Math.sin(ecliptic), Math.cos(ecliptic)) / rad;
  const equation = ((mean - ascension + 540) % 360 + 360) % 360 - 180;
  const cos = (Math.sin(-0.833 * rad) - Math.sin(latitude * rad) * Math.sin(declination)) / (Math.cos(latitude * rad) * Math.cos(declination));
  const half = Math.abs(cos) > 1 ? 90 : Math.acos(cos) / rad;
  return noon - ((equation - side * half) / 360) * DAY;
}
