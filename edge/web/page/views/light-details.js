/* What a light's state says besides, in the person's words: detailsSaid(detail) → texts. The controller's own words
   (docs/mqtt.md, `detail`) stand where none are known. */
import { t } from "/app/words.js";

const WORDS = [
  [/^circuits on one meter are switched on 10 s apart$/, () => t("detail.apart")],
  [/^restrike: lamps cool for ([\d.]+) s$/, (n) => t("detail.cool", { n })],
  [/^at most \d+ switchings in [\d.]+ s$/, () => t("detail.capped")],
  [/^the clock is not confirmed$/, () => t("detail.clock")],
  [/^all locked by ([^:]+)(?:: (.*))?$/, (by, note) => t("detail.locked", { by, note: note ? ` (${note})` : "" })],
  [/^(\S+) locked by ([^:]+)(?:: (.*))?$/, (id, by, note) => t("detail.circuit-locked", { id: id.toUpperCase(), by, note: note ? ` (${note})` : "" })],
  [/^(\S+): it does not close, another burns for it$/, (id) => t("detail.replaced", { id: id.toUpperCase() })],
  [/^([a-z0-9-]+): (.+)$/, (id, text) => t("detail.trouble", { id: id.toUpperCase(), text })],
];

export function detailsSaid(detail) {
  return detail.split("; ").filter(Boolean).map((text) => {
    for (const [pattern, words] of WORDS) {
      const found = pattern.exec(text);
      if (found) return words(...found.slice(1));
    }
    return text;
  });
}
