/* The first socket to the broker, opened before the rest of the page is there: on a slow link that saves a second.

   takeEarly()  that socket while it is of use, once; else null */
let first = null;

try {
  if (localStorage.getItem("login") !== null || location.hash.includes("token=")) {
    first = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/mqtt`, ["mqtt"]);
  }
} catch {
  first = null; // no storage: the page will say what it lacks
}

export function takeEarly() {
  const taken = first;
  first = null;
  return taken !== null && taken.readyState <= WebSocket.OPEN ? taken : null;
}
