/* What alarms and the trail speak of, `<kind>/<id>`: nameOf(village, target), and pageOf(village, target), the address of
   its own page, or null where there is none. */
import { PAGE } from "/app/controls.js";
import { address } from "/app/router.js";

const PAGES = { ...PAGE, meter: "energy", sensor: "crops" };

export function nameOf(village, target) {
  const [kind, id] = target.split("/");
  if (kind === "site") return village.name;
  return village.devices.get(target)?.name ?? id ?? target;
}

export function pageOf(village, target) {
  const device = village.devices.get(target);
  if (device === undefined) return null;
  return address(device.model === "flow" ? "water" : PAGES[device.kind], device.id);
}
