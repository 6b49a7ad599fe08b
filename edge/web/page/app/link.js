/* The link to the broker, made anew for as long as the page is open.

   start(who)          who = {user, token}
   link.phase          "connecting", "up", "down", "refused" (the login is not valid)
   link.since          since when it is so (Unix ms); link.heard: when anything was last heard
   publish(topic, text, qos) → Promise; rejects when the link is not up: nothing is ever queued
   also(filter)        subscribes to more, from now on; returns what ends that
   watch(fn)           fn(whether the phase has changed) at each change of it, and of the picture

   A new client for each attempt, so that no library's queue can hold a command until the link is back. */
import { now } from "/app/clock.js";
import { apply, doubtStatus, dropAlarmsBefore } from "/app/store.js";

const RETRY_MS = [300, 700, 1500];
const LONG_AGO_MS = 20000; // a phone that slept longer trusts no socket
const FILTERS = ["status", "link", "time", "about", "+/+/state", "+/+/reading", "+/+/result", "alarm/+"];

export const link = { phase: "connecting", since: now(), heard: null, user: null };
const watchers = new Set();
const more = new Map();
let who, client, timer, attempts = 0, hiddenAt = null, early = null;

export const watch = (fn) => (watchers.add(fn), () => watchers.delete(fn));

/** Opens the socket before the library is there: on a slow link that saves two round trips. */
export function openEarly() {
  early = socket();
}

const address = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/mqtt`;
const socket = () => new WebSocket(address(), ["mqtt"]);

function become(phase) {
  if (link.phase === phase) return;
  Object.assign(link, { phase, since: now() });
  tell(true);
}

function tell(phaseChanged) {
  for (const fn of watchers) fn(phaseChanged);
}

export function start(login) {
  who = login;
  link.user = login.user;
  document.addEventListener("visibilitychange", seenAgain);
  addEventListener("online", () => link.phase === "up" || retry(0));
  connect();
}

async function connect() {
  clearTimeout(timer);
  const { default: mqtt } = await import("mqtt");
  const first = early;
  early = null;
  const mine = (client = mqtt.connect(address(), {
    username: who.user, password: who.token, clientId: `${who.user}-${random(8)}`, protocolVersion: 4, clean: true,
    keepalive: 15, connectTimeout: 8000, reconnectPeriod: 0, resubscribe: false, queueQoSZero: false, manualConnect: true,
    timerVariant: "native", // its other timers are a worker made of a blob, which the page's policy forbids
    createWebsocket: () => (first && first.readyState <= WebSocket.OPEN ? first : socket()),
  }));
  const current = (fn) => (...args) => mine === client && fn(...args);
  mine.on("connect", current(connected));
  mine.on("message", current(heard));
  mine.on("error", current(failed));
  mine.on("close", current(closed));
  mine.on("packetreceive", current(() => { link.heard = now(); }));
  mine.connect();
}

function connected() {
  attempts = 0;
  const at = now();
  doubtStatus();
  const filters = [...FILTERS.map((leaf) => `village/+/${leaf}`), `village/+/reply/${who.user}/+`, ...more.keys()];
  client.subscribe(filters, { qos: 1 });
  setTimeout(() => link.phase === "up" && link.since >= at && dropAlarmsBefore(at), 10000);
  become("up");
}

function heard(topic, payload) {
  link.heard = now();
  if (apply(topic, new TextDecoder().decode(payload), link.heard)) tell(false);
}

function failed(error) {
  if ([4, 5, 134, 135].includes(error?.code)) {
    attempts = RETRY_MS.length;
    become("refused");
  }
}

function closed() {
  drop();
  if (link.phase !== "refused") become("down");
  retry(link.phase === "refused" ? 15000 : RETRY_MS[Math.min(attempts++, RETRY_MS.length - 1)]);
}

function drop() {
  const old = client;
  client = null;
  old?.end(true);
}

function retry(ms) {
  clearTimeout(timer);
  timer = setTimeout(() => { drop(); connect(); }, ms);
}

function seenAgain() {
  if (document.hidden) {
    hiddenAt = now();
  } else if (hiddenAt !== null && (now() - hiddenAt > LONG_AGO_MS || link.phase !== "up")) {
    if (link.phase === "up") become("down");
    retry(0);
  }
}

export function publish(topic, text, qos = 1) {
  return new Promise((done, refused) => {
    if (link.phase !== "up" || !client?.connected) refused(new Error("offline"));
    else client.publish(topic, text, { qos, retain: false }, (error) => (error ? refused(error) : done()));
  });
}

export function also(filter) {
  more.set(filter, (more.get(filter) ?? 0) + 1);
  if (link.phase === "up") client?.subscribe(filter, { qos: 1 });
  return () => {
    more.set(filter, more.get(filter) - 1);
    if (more.get(filter) > 0) return;
    more.delete(filter);
    if (link.phase === "up") client?.unsubscribe(filter);
  };
}

/** So many random characters of ids; crypto.randomUUID is not there over plain http. */
export function random(length) {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (n) => "abcdefghijklmnopqrstuvwxyz012345"[n % 32]).join("");
}
