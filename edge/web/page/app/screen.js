/* The frame around every view: the village's name and the state of the link above, the ways to go below, what can be
   undone. redraw() draws again at the next frame; calling it often costs nothing. brought(file) loads a module with its
   words and its style.

   A view: see docs/development.md. One that cannot be loaded says so; one that fails while it draws says so too, and
   the ways out of it stay. */
import { html, nothing, render } from "lit-html";
import * as attention from "/app/attention.js";
import { undoable } from "/app/commands.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { address, go, place } from "/app/router.js";
import { stopBar } from "/app/stop-bar.js";
import * as store from "/app/store.js";
import { load, t } from "/app/words.js";
import * as home from "/views/home.js";

const WAYS = [["home", "home"], ["lights", "light"], ["water", "water"], ["energy", "energy"], ["more", "more"]];
const WAYS_OF_MANY = [["villages", "village"], ["more", "more"]];
const VIEWS = ["lights", "programs", "water", "crops", "energy", "alarms", "log", "technician", "more", "villages"];
const loaded = new Map([["home", home]]);
const failed = new Set(); // views that could not be loaded
let drawing = false, here = null, opened = null;

export function redraw() {
  if (drawing) return;
  drawing = true;
  const frame = document.hidden ? (fn) => setTimeout(fn, 200) : requestAnimationFrame;
  frame(() => {
    drawing = false;
    draw();
  });
}

/** The village that is looked at: the one in the address, else the only one. */
function chosen(wanted) {
  const known = store.villages();
  return wanted === null ? (known.length === 1 ? known[0] : null) : known.find((v) => v.id === wanted) ?? null;
}

function draw() {
  const { village: wanted, view, path } = place();
  const village = chosen(wanted);
  const name = village === null && store.villages().length > 1 && view !== "more" ? "villages" : view;
  const context = { village, path, go };
  enter(name, context);
  render(frame(name, village, content(name, context)), document.getElementById("screen"));
  document.title = village?.name ?? t("app");
}

function enter(name, context) {
  const now = `${context.village?.id}/${name}/${context.path.join("/")}`;
  if (now === here || (context.village === null && name !== "villages" && name !== "more")) return;
  const module = loaded.get(name);
  if (module === undefined) {
    bring(name);
    return;
  }
  const another = opened?.module !== module;
  if (here !== null && another) opened?.module?.left?.();
  here = now;
  opened = { module, name };
  dress();
  module.entered?.(context);
  scrollTo(0, 0);
}

async function bring(name) {
  if (loaded.has(name)) return;
  loaded.set(name, undefined);
  if (!VIEWS.includes(name)) {
    loaded.set(name, { view: () => message("alarm", t("no-such-page")) });
    redraw();
    return;
  }
  try {
    loaded.set(name, await brought(`/views/${name}.js`, name));
  } catch (error) {
    console.error(error);
    loaded.delete(name);
    failed.add(name);
  }
  redraw();
}

/** A module, once the words and the style that it names are there too; each may be one name or a list. `view`: whose. */
export async function brought(file, view = opened.name) {
  const module = await import(file);
  await Promise.all([...[module.catalogue ?? []].flat().map(load), ...[module.stylesheet ?? []].flat().map((name) => style(name, view))]);
  return module;
}

const styles = new Map();

function style(name, view) {
  if (!styles.has(name)) styles.set(name, styleBrought(name));
  styles.get(name).views.add(view);
  return styles.get(name).ready;
}

function styleBrought(name) {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", media: "not all", href: import.meta.resolve(`/style/${name}.css`) });
  const ready = new Promise((done, wrong) => Object.assign(link, {
    onload: () => { dress(); done(); },
    onerror: () => { styles.delete(name); link.remove(); wrong(new Error(link.href)); },
  }));
  document.head.append(link);
  return { link, ready, views: new Set() };
}

/** Stylesheets stay once they are there, but only those of the view that is shown count: two may have the same names. */
function dress() {
  for (const { link, views } of styles.values()) link.media = views.has(opened?.name) ? "all" : "not all";
}

function content(name, context) {
  if (context.village === null && name !== "villages" && name !== "more") return waitingForVillage();
  const module = loaded.get(name);
  if (module === undefined) return failed.has(name) ? notLoaded(name) : message("clock", t("opening"));
  try {
    return module.view(context);
  } catch (error) {
    console.error(error);
    return message("alarm", t("view-failed"));
  }
}

const message = (what, text) => html`<p class="message">${icon(what)} ${text}</p>`;

function waitingForVillage() {
  if (link.phase === "refused") return html`${message("lock", t("refused"))}<p><button class="button" @click=${again}>${t("log-in-again")}</button></p>`;
  if (link.phase === "up") return message("clock", t("no-village-yet"));
  return message("offline", t("connecting-first"));
}

function again() {
  localStorage.removeItem("login");
  location.reload();
}

function notLoaded(name) {
  const retry = () => { failed.delete(name); bring(name); redraw(); };
  return html`${message("offline", t("not-loaded"))}<p><button class="button" @click=${retry}>${t("again")}</button></p>`;
}

function frame(name, village, inner) {
  return html`
    <a class="skip" href="#content" @click=${skip}>${t("skip")}</a>
    <header class="top">${top(name, village)}</header>
    <div role="status" aria-live="polite" class="link-said">${attention.linkBar(village)}</div>
    <main id="content" tabindex="-1">${inner}</main>
    <div class="bottom">
      ${undo()}
      ${village === null ? nothing : stopBar(village)}
      <nav class="ways" aria-label=${t("ways")}>${ways(name, village)}</nav>
    </div>`;
}

function skip(event) {
  event.preventDefault();
  document.getElementById("content").focus();
}

function top(name, village) {
  const many = store.villages().length > 1;
  const alarms = village === null ? 0 : attention.unseen(village).length;
  return html`
    ${name === "home" || village === null ? icon("village") : html`<a class="round" href=${address("home")} aria-label=${t("back")}>${icon("back")}</a>`}
    <p class="village">${many ? html`<a href="#/villages">${village?.name ?? t("app")}</a>` : village?.name ?? t("app")}</p>
    ${alarms === 0 ? nothing : html`<a class="badge" href=${address("alarms")} aria-label=${t("alarms-open", { n: alarms })}>${icon("alarm")} ${alarms}</a>`}`;
}

function ways(name, village) {
  const these = village === null && store.villages().length > 1 ? WAYS_OF_MANY : WAYS;
  const current = these.some(([view]) => view === name) ? name : "more";
  return these.map(([view, drawing]) => html`<a href=${address(view)} aria-current=${view === current ? "page" : "false"}>${icon(drawing)}<span>${t(`way.${view}`)}</span></a>`);
}

function undo() {
  const it = undoable();
  return html`<div class="undo" role="status" aria-live="polite">${it === null ? nothing : html`
    <span>${icon("ok")} ${it.name}: ${t(`did.${it.fields.action}`)}</span>
    <button class="button" @click=${it.undo}>${icon("undo")} ${t("undo")}</button>`}</div>`;
}
