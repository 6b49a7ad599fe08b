/* The link to the broker, made anew for as long as the page is open.

   start(who)          who = {user, token}
   link.phase          "connecting", "up", "down", "refused" (the login is not valid)
   link.since          since when it is so (Unix ms); link.heard: when anything was last heard
   publish(topic, text, qos) → Promise; rejects when the link is not up: nothing is ever queued
   greeted()           a Promise for what can wait until the broker has answered the login, or has not
   also(filter)        subscribes to more, from now on; returns what ends that
   watch(fn)           fn(whether the phase has changed) at each change of it, and of the picture

   A new client for each attempt, so that no library's queue can hold a command until the link is back. */
import { now } from "/app/clock.js";
import { takeEarly } from "/app/early.js";
import { apply, doubtStatus, dropAlarmsBefore } from "/app/store.js";

const RETRY_MS = [300, 700, 1500];
const REFUSED_MS = 60000; // the page's server shuts an address out after ten failed logins a minute
const LONG_AGO_MS = 20000; // a phone that slept longer trusts no socket
const FILTERS = ["status", "link", "time", "about", "+/+/state", "+/+/reading", "+/+/result", "alarm/+"];

export const link = { phase: "connecting", since: now(), heard: null, user: null };
const watchers = new Set();
const more = new Map();
let who, client, timer, tries = 0, attempts = 0, hiddenAt = null, greeting = null;

export const watch = (fn) => (watchers.add(fn), () => watchers.delete(fn));

const address = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/mqtt`;
const socket = () => takeEarly() ?? new WebSocket(address(), ["mqtt"]);

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
  const mqtt = await library((tries += 1));
  if (mqtt === null) return;
  doubtStatus();
  greeting = nextGreeting();
  const at = now(), first = link.phase === "connecting";
  const mine = (client = mqtt.connect(address(), {
    username: who.user, password: who.token, clientId: `${who.user}-${random(8)}`, protocolVersion: 4, clean: true,
    keepalive: 15, connectTimeout: 8000, reconnectPeriod: 0, resubscribe: false, queueQoSZero: false, manualConnect: true,
    timerVariant: "native", // its other timers are a worker made of a blob, which the page's policy forbids
    createWebsocket: () => subscribing(socket(), first ? current(become) : null),
  }));
  const current = (fn) => (...args) => mine === client && fn(...args);
  mine.on("connect", current(() => connected(at)));
  mine.on("message", current(heard));
  mine.on("error", current(failed));
  mine.on("close", current(closed));
  mine.on("packetreceive", current(() => { link.heard = now(); }));
  mine.connect();
}

/** mqtt.js; null when it did not come, which is tried again, or when another try has begun meanwhile. */
async function library(mine) {
  try {
    const { default: mqtt } = await import("mqtt");
    return mine === tries ? mqtt : null;
  } catch {
    if (mine === tries) closed();
    return null;
  }
}

function connected(at) {
  attempts = 0;
  const mine = client;
  setTimeout(() => mine === client && dropAlarmsBefore(at), 10000);
  greeting.over();
  become("up");
}

/** Behind the login the subscription goes out at once, and so may a tap at the page's first link: what waits for the
    broker's greeting comes a round trip later, which is felt on a slow link. A refused login leaves both without effect. */
function subscribing(ws, become) {
  const send = ws.send.bind(ws);
  ws.send = (login) => {
    delete ws.send;
    send(login);
    send(subscription([...FILTERS.map((leaf) => `village/+/${leaf}`), `village/+/reply/${who.user}/+`, ...more.keys()]));
    become?.("up");
  };
  return ws;
}

/** MQTT 3.1.1, 3.8: SUBSCRIBE with QoS 1 and an id that the library comes to last. */
function subscription(filters) {
  const topics = filters.map((filter) => new TextEncoder().encode(filter));
  const content = [0xff, 0xff, ...topics.flatMap((topic) => [topic.length >> 8, topic.length & 0xff, ...topic, 1])];
  const length = content.length < 128 ? [content.length] : [(content.length & 0x7f) | 0x80, content.length >> 7];
  return new Uint8Array([0x82, ...length, ...content]);
}

/** Ends when the broker has greeted this client, or will not. */
function nextGreeting() {
  let over;
  const waits = new Promise((done) => { over = done; });
  return { waits, over };
}

export const greeted = () => greeting?.waits;

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
  retry(link.phase === "refused" ? REFUSED_MS : RETRY_MS[Math.min(attempts++, RETRY_MS.length - 1)]);
}

function drop() {
  const old = client;
  client = null;
  greeting?.over();
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
    if (link.phase !== "up" || !client) refused(new Error("offline"));
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
