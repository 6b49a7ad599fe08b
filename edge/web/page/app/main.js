/* Begins: takes the login that a pairing code carried, draws the last picture that this phone has, and opens the link. */
import { render } from "lit-html";
import * as session from "/app/session.js";
import { every, now, setBy } from "/app/clock.js";
import { link, start, watch } from "/app/link.js";
import { redraw } from "/app/screen.js";
import { restore, snapshot } from "/app/store.js";
import { load } from "/app/words.js";

const KEPT = "picture";
const KEEP_MS = 15000;
const AGAIN_MS = 5000;

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
  remembered();
  await load();
  addEventListener("hashchange", redraw);
  screen.replaceChildren();
  watch((phaseChanged) => {
    redraw();
    if (phaseChanged && link.phase === "up") checkVersion();
  });
  every(redraw);
  redraw();
  start(who);
  setInterval(remember, KEEP_MS);
  addEventListener("pagehide", remember);
  document.addEventListener("visibilitychange", () => document.hidden && remember()); // a phone may end it without a word
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

/** At each link: the server's time, and whether it has a newer page than this one. */
async function checkVersion() {
  try {
    const told = await (await fetch("/now", { cache: "no-store" })).json();
    setBy(Date.parse(told.now));
    const mine = document.documentElement.dataset.page;
    if (told.page === mine || sessionStorage.getItem("asked-for") === told.page) return;
    await fetch("/", { cache: "reload" });
    sessionStorage.setItem("asked-for", told.page); // once: what stands between may keep the old one
    location.reload();
  } catch { /* the next link asks again */ }
}

begin().catch((error) => {
  console.error(error);
  setTimeout(() => location.reload(), AGAIN_MS); // the network lost a part of the page
});
