/* Where the page is: `#/lights/main-road`, and `#/@nguyen-ly/lights/main-road` where there are several villages.

   place()                {village (id or null), view, path}
   address(view, ...path) the href of a view of the present village
   go(href) */
export function place() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(plain);
  const village = parts[0]?.startsWith("@") ? parts.shift().slice(1) : null;
  return { village, view: parts[0] ?? "home", path: parts.slice(1) };
}

function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function address(view, ...path) {
  const { village } = place();
  return `#/${[...(village ? [`@${village}`] : []), view, ...path].join("/")}`;
}

export const villageAddress = (id) => `#/@${id}/home`;

export function go(href) {
  location.hash = href.slice(1);
}
