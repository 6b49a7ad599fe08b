/* Where there is TLS: the page opens from what this phone has, and asks the network beside it. Nothing of the village's
   state is kept here, only the page's own files; `/now` and `/mqtt` always go to the network. */
const KEPT = "page";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || ["/now", "/health", "/metrics", "/mqtt"].includes(url.pathname)) return;
  event.respondWith(answered(event, url));
});

async function answered(event, url) {
  const cache = await caches.open(KEPT);
  const kept = await cache.match(event.request);
  if (kept && url.searchParams.has("v")) return kept;
  const fresh = fetch(event.request).then(async (answer) => {
    if (answer.ok) await put(cache, event.request, url, answer.clone());
    return answer;
  });
  if (!kept || event.request.cache === "reload") return fresh;
  event.waitUntil(fresh.catch(() => {}));
  return kept;
}

/** One version of each file is enough. */
async function put(cache, request, url, answer) {
  for (const old of await cache.keys()) {
    const other = new URL(old.url);
    if (other.pathname === url.pathname && other.search !== url.search) await cache.delete(old);
  }
  await cache.put(request, answer);
}
