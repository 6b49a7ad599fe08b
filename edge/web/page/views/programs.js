/* The village's programs: all of them in words, and the editor of one. The editor itself comes from
   /views/program-<kind>.js, loaded when it is first wanted:

   catalogue, stylesheet          of its own, if it has any, as of a view
   summary(village, body, id) → string[]   the program in words, each line to be understood by itself: the list shows
                                  them, and what differs between two bodies is told as lines that go and lines that come
   editor({ village, id, draft, changed, flaws }) → TemplateResult
                                  draft: the body being edited, to be changed in place; changed(path) after each change,
                                  with the path that the cabinet would name ("steps[0].at"), or without one when paths
                                  have moved; flaws: Map path → text, what the cabinet or wrong() found
   wrong(village, draft, id) → Map path → text   optional: what contradicts itself; nothing is sent while there is any
   doubtful(village, draft, id) → string[]       optional: what may surprise, told before it is saved */
import { html, nothing } from "lit-html";
import { when } from "/app/format.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { by } from "/app/reasons.js";
import { address } from "/app/router.js";
import { brought, redraw } from "/app/screen.js";
import { t } from "/app/words.js";
import { review, toReview, watchBars } from "/views/program-review.js";
import { begunEdit, changed, dirty, edit, followers, programs } from "/views/program-save.js";

export const catalogue = "programs";
export const stylesheet = "programs";

const KINDS = ["light", "irrigation", "climate"];
const editors = new Map(); // kind → its module; "coming"; or "failed"

function editorOf(kind) {
  if (!KINDS.includes(kind)) return null;
  if (!editors.has(kind)) bring(kind);
  return editors.get(kind);
}

async function bring(kind) {
  editors.set(kind, "coming");
  try {
    editors.set(kind, await brought(`/views/program-${kind}.js`));
  } catch (error) {
    console.error(error);
    editors.set(kind, "failed");
  }
  redraw();
}

export function entered() {
  watchBars();
  for (const [kind, module] of editors) if (module === "failed") editors.delete(kind);
}

export function view({ village, path }) {
  const { list, error } = programs(village);
  if (list === null) return html`<h1>${t("page.programs")}</h1>${unheard(error)}`;
  return path.length ? one(village, list.find((p) => p.program === path[0])) : all(village, list);
}

function unheard(error) {
  if (link.phase !== "up") return message("offline", t("program.unheard.offline"));
  return error === null ? message("clock", t("asking")) : message("alarm", t("program.unheard.silent"));
}

const message = (drawing, text) => html`<p class="message" role="status">${icon(drawing)} ${text}</p>`;

function all(village, list) {
  return html`<h1>${t("page.programs")}</h1>
    ${KINDS.map((kind) => ofKind(village, kind, list.filter((p) => p.kind === kind)))}
    ${list.length ? nothing : message("info", t("program.none"))}`;
}

function ofKind(village, kind, list) {
  if (list.length === 0) return nothing;
  return html`<section aria-labelledby="kind-${kind}"><h2 id="kind-${kind}">${t(`program.kind.${kind}`)}</h2>
    ${list.map((found) => card(village, found))}</section>`;
}

function card(village, found) {
  const draft = begunEdit(village, found.program);
  return html`<a class="tile program" href=${address("programs", found.program)}>
    <h3>${title(village, found)}</h3>${icon("edit")}
    <ul>${lines(village, found).map((line) => html`<li>${line}</li>`)}</ul>
    ${followers(village, found).length ? nothing : html`<p>${icon("info")} ${t(`program.unused.${found.kind}`)}</p>`}
    ${draft !== null && dirty(draft) ? html`<p><b>${icon("edit")} ${t("program.draft")}</b></p>` : nothing}
  </a>`;
}

const title = (village, found) => followers(village, found).join(", ") || found.program;

function lines(village, { kind, body, program }) {
  const module = editorOf(kind);
  return module?.summary ? module.summary(village, body, program) : [t(module === "coming" ? "opening" : "program.unknown-kind")];
}

function one(village, found) {
  if (found === undefined) return html`<h1>${t("page.programs")}</h1>${message("alarm", t("program.gone"))}`;
  const it = edit(village, found);
  const module = editorOf(found.kind);
  return html`<h1>${t(`program.of.${found.kind}`, { name: title(village, found) })}</h1>
    ${about(village, found)}
    ${module?.editor ? html`${inside(village, it, module)}${toReview(it)}${review(it, module)}` : message(module === "coming" ? "clock" : "alarm", lines(village, found)[0])}`;
}

function about(village, found) {
  const names = followers(village, found);
  return html`<p>${names.length ? t(`program.used.${found.kind}`, { names: names.join(", ") }) : html`${icon("info")} ${t(`program.unused.${found.kind}`)}`}</p>
    <p class="quiet">${found.by === null ? t("program.by-file", { id: found.program }) : t("program.by", { by: by(found.by), when: when(found.at, village.zone), id: found.program })}</p>`;
}

function inside(village, it, module) {
  const found = module.wrong?.(village, it.draft, it.id) ?? new Map();
  return html`<div class="editor">${module.editor({
    village, id: it.id, draft: it.draft, changed: (path) => changed(it, path), flaws: new Map([...it.flaws, ...found]),
  })}</div>`;
}
