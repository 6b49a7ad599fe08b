/* Begins: takes the login that a pairing code carried, draws the last picture that this phone has, and opens the link. */
import { render } from "lit-html";
import * as session from "/app/session.js";
import { every, now, setBy } from "/app/clock.js";
import { link, openEarly, start, watch } from "/app/link.js";
import { redraw } from "/app/screen.js";
import { restore, snapshot } from "/app/store.js";
import { load } from "/app/words.js";

const KEPT = "picture";
const KEEP_MS = 15000;
let drawnFrom = null;

async function begin() {
  const screen = document.getElementById("screen");
  session.takeAddress();
  const who = session.login();
  if (who === null) {
    const [{ view }] = await Promise.all([import("/views/login.js"), load()]);
    screen.replaceChildren();
    render(view(), screen);
    return;
  }
  openEarly();
  remembered();
  await load();
  addEventListener("hashchange", redraw);
  screen.replaceChildren();
  watch(redraw);
  watch(() => link.phase === "up" && drawnFrom === null && checkVersion());
  every(redraw);
  redraw();
  start(who);
  setInterval(remember, KEEP_MS);
  addEventListener("pagehide", remember);
  if (isSecureContext && "serviceWorker" in navigator) navigator.serviceWorker.register("/sw.js").catch(() => {});
}

function remembered() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null");
    if (kept) restore(kept.villages, kept.at);
  } catch {
    localStorage.removeItem(KEPT);
  }
}

function remember() {
  if (link.phase !== "up") return;
  try {
    localStorage.setItem(KEPT, JSON.stringify({ at: link.heard ?? now(), villages: snapshot() }));
  } catch {
    localStorage.removeItem(KEPT); // there is no room: the next opening begins without a picture
  }
}

/** Once per link: the server's time, and whether it has a newer page than this one. */
async function checkVersion() {
  drawnFrom = "";
  try {
    const told = await (await fetch("/now", { cache: "no-store" })).json();
    setBy(Date.parse(told.now));
    const before = sessionStorage.getItem("page");
    sessionStorage.setItem("page", told.page);
    drawnFrom = told.page;
    if (told.page !== document.documentElement.dataset.page && document.documentElement.dataset.page && before !== told.page) {
      await fetch("/", { cache: "reload" });
      location.reload();
    }
  } catch {
    drawnFrom = null;
  }
}

begin();
