/* Before and after a program is saved: what will change, in words; what speaks against it; what came of it; and what to
   do when somebody else has changed it meanwhile.

   review(edit, module)      the foot of an editor; module as in /views/programs.js
   toReview(edit)            a bar that stays in sight while there is something to save; watchBars() first
   flawed(flaws, path)       what was found wrong at or below a path, for the row that it speaks of; flawedAt(flaws, path):
                             only at the path itself */
import { html, nothing } from "lit-html";
import { when } from "/app/format.js";
import { icon } from "/app/icons.js";
import { link } from "/app/link.js";
import { by } from "/app/reasons.js";
import { t } from "/app/words.js";
import { canTakeBack, dirty, discard, putMine, same, save, takeBack, takeTheirs } from "/views/program-save.js";

export function flawed(flaws, path) {
  const texts = [...flaws].filter(([at]) => at === path || at.startsWith(`${path}.`) || at.startsWith(`${path}[`)).map(([, text]) => text);
  return texts.length === 0 ? nothing : html`<div class="flaw" role="alert">${icon("alarm")}<div>${texts.map((text) => html`<p>${text}</p>`)}</div></div>`;
}

export const flawedAt = (flaws, path) => flawed(new Map([...flaws].filter(([at]) => at === path)), path);

export function toReview(it) {
  if (!dirty(it)) return nothing;
  return html`<div class="unsaved"><span>${it.theirs === null ? html`${icon("edit")} ${t("program.not-saved")}` : html`${icon("alarm")} ${t("program.conflict")}`}</span>
    <button class="button main" @click=${show}>${t(it.theirs === null ? "program.look" : "program.look-both")}</button></div>`;
}

/** How high the bars at the foot of the page stand: what stays in sight stands above them. */
const bars = new ResizeObserver(([{ target }]) => document.documentElement.style.setProperty("--bars", `${target.offsetHeight}px`));
export const watchBars = () => document.querySelectorAll(".bottom").forEach((one) => bars.observe(one));

function show() {
  const foot = document.getElementById("review");
  foot.scrollIntoView({ block: "start" });
  foot.focus({ preventScroll: true });
}

export function review(it, module) {
  const inside = it.theirs !== null ? conflict(it, module) : dirty(it) ? beforeSaving(it, module) : nothing;
  return html`<section class="review" id="review" tabindex="-1" aria-label=${t("program.review")}>${inside}
    <div role="status" aria-live="polite">${outcome(it)}</div></section>`;
}

function beforeSaving(it, module) {
  const { village, draft, id } = it;
  const before = module.summary(village, it.was, id), after = module.summary(village, draft, id);
  const wrong = contradictions(it, module);
  return html`<h2>${t("program.will-change")}</h2>
    ${changes(before, after)}
    ${listed("alarm", "flaw", wrong)}
    ${listed("info", "doubt", module.doubtful?.(village, draft, id) ?? [])}
    ${listed("alarm", "flaw", [...it.flaws].map(([path, text]) => t("program.flaw", { path, text })))}
    ${link.phase === "up" ? nothing : html`<p>${icon("offline")} ${t("program.offline")}</p>`}
    <div class="choices">
      <button class="button main" ?disabled=${wrong.length > 0 || it.phase === "saving" || link.phase !== "up"} @click=${() => save(it)}>${it.phase === "saving" ? t("program.saving") : t("program.save")}</button>
      <button class="button" ?disabled=${it.phase === "saving"} @click=${() => discard(it)}>${t("program.discard")}</button>
    </div>`;
}

const contradictions = ({ village, draft, id }, module) => [...new Set(module.wrong?.(village, draft, id).values() ?? [])];
const listed = (drawing, name, texts) => texts.map((text) => html`<p class=${name}>${icon(drawing)} <span>${text}</span></p>`);

function changes(before, after) {
  const found = differences(before, after);
  if (found.length === 0) return html`<p>${t("program.other-change")}</p>`;
  return html`<ul class="changes">${found.map(([way, line]) => html`<li class=${way}>${icon(way === "come" ? "plus" : "minus")} <span><b>${t(`program.line.${way}`)}</b> ${line}</span></li>`)}</ul>`;
}

/** Lines that go and lines that come, in their order, one of each by turns: ["gone" or "come", line]; what both have in
    common is left out. */
export function differences(before, after) {
  const common = Array.from({ length: before.length + 1 }, () => new Array(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) common[i][j] = before[i] === after[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  }
  const found = [];
  let gone = [], come = [];
  const pair = () => {
    for (let n = 0; n < Math.max(gone.length, come.length); n += 1) found.push(...gone.slice(n, n + 1), ...come.slice(n, n + 1));
    [gone, come] = [[], []];
  };
  for (let i = 0, j = 0; i < before.length || j < after.length;) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      pair();
      i += 1;
      j += 1;
    } else if (j === after.length || (i < before.length && common[i + 1][j] >= common[i][j + 1])) {
      gone.push(["gone", before[i++]]);
    } else {
      come.push(["come", after[j++]]);
    }
  }
  pair();
  return found;
}

function conflict(it, module) {
  const { village, id, theirs } = it, wrong = contradictions(it, module);
  const who = theirs.by === null ? t("somebody") : theirs.by === link.user ? t("program.other-phone") : by(theirs.by);
  const others = module.summary(village, theirs.body, id), mine = module.summary(village, it.draft, id);
  const found = differences(others, mine);
  const block = (head, lines, way) => html`<div><h3>${head}</h3><ul class="changes">${lines.map((line) => {
    const differs = found.some(([one, text]) => one === way && text === line);
    return html`<li class=${differs ? "differs" : ""}>${differs ? html`${icon("next")} <span><b>${t("program.differs")}</b> ${line}</span>` : line}</li>`;
  })}</ul></div>`;
  return html`<h2>${icon("alarm")} ${t("program.conflict")}</h2>
    <p>${t("program.conflict-why", { who, when: when(theirs.at, village.zone) })}</p>
    <div class="beside">${block(t("program.theirs", { who }), others, "gone")}${block(t("program.mine"), mine, "come")}</div>
    ${found.length || same(theirs.body, it.draft) ? nothing : html`<p>${t("program.other-change")}</p>`}
    <p>${t("program.conflict-put", { who })}</p>
    ${listed("alarm", "flaw", wrong)}
    <div class="choices">
      <button class="button" @click=${() => takeTheirs(it)}>${t("program.take-theirs", { who })}</button>
      <button class="button main" ?disabled=${wrong.length > 0 || link.phase !== "up" || it.phase === "saving"} @click=${() => putMine(it)}>${t("program.put-mine")}</button>
    </div>`;
}

function outcome(it) {
  if (it.phase === "saved" || it.phase === "undone") {
    return html`<div class="outcome">${icon("ok")} <p>${t(`program.${it.phase}`, { rev: it.rev })}${it.stored ? "" : ` ${t("program.not-stored")}`}</p>
      ${canTakeBack(it) ? html`<button class="button" ?disabled=${link.phase !== "up"} @click=${() => takeBack(it)}>${icon("undo")} ${t("undo")}</button>` : nothing}</div>`;
  }
  if (["silent", "lost", "offline"].includes(it.phase)) return html`<p class="flaw">${icon("alarm")} <span>${t(`program.${it.phase}`)}</span></p>`;
  if (it.phase !== "refused" || it.theirs !== null) return nothing;
  const code = it.error.code;
  const known = ["conflict", "bad-program", "unknown-program"].includes(code);
  return html`<p class="flaw">${icon("alarm")} <span>${known ? t(`program.refused.${code}`) : t("program.refused", { message: it.error.message })}</span></p>`;
}
