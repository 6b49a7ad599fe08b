/* Words of the page, from /lang/<language>.json and, of each view, /lang/<language>/<catalogue>.json.

   language(), choose(language)   "vi" unless the person chose "en"
   load(catalogue)                Promise; without a name the page's own
   t(key, {name: value})          the text; `{name}` is replaced. A text may be {"one": …, "other": …}, by {n} */
const KEY = "language";
const LANGUAGES = ["vi", "en"];
const words = new Map();

export const language = () => (localStorage.getItem(KEY) === "en" ? "en" : "vi");

export function choose(wanted) {
  if (!LANGUAGES.includes(wanted)) return;
  localStorage.setItem(KEY, wanted);
  location.reload();
}

export async function load(catalogue = "") {
  const file = import.meta.resolve(catalogue ? `/lang/${language()}/${catalogue}.json` : `/lang/${language()}.json`);
  document.documentElement.lang = language();
  const answer = await fetch(file);
  if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
  for (const [key, text] of Object.entries(await answer.json())) words.set(key, text);
}

const plural = new Intl.PluralRules(language());

export function t(key, named = {}) {
  let text = words.get(key);
  if (text === undefined) return key;
  if (typeof text === "object") text = text[plural.select(Number(named.n))] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in named ? String(named[name]) : whole));
}

/** Whether there is a text with that key. */
export const has = (key) => words.has(key);
