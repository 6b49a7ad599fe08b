/* Requests to the controller: ask(village, name, fields, seconds) → Promise of the answer (docs/mqtt.md).

   Rejects with a Refused: .code is "offline" (not sent), "silent" (no answer in time), or the controller's own, with
   .answer. whyNot(error) → "offline", "silent" or "refused". Several answers under way at once are told apart by their id. */
import { greeted, link, publish, random } from "/app/link.js";
import { listen } from "/app/store.js";

class Refused extends Error {
  constructor(code, message = code, answer = null) {
    super(message);
    Object.assign(this, { code, answer });
  }
}

export const whyNot = ({ code }) => (code === "offline" || code === "silent" ? code : "refused");

const open = new Map();
const client = `page-${random(10)}`;

export function ask(village, name, fields = {}, seconds = 12) {
  const id = `r-${random(12)}`;
  return new Promise((done, refused) => {
    const timer = setTimeout(() => settle(id, () => refused(new Refused("silent"))), seconds * 1000);
    open.set(id, { done, refused, timer });
    const message = { ...fields, id, reply_to: `village/${village.id}/reply/${link.user}/${client}` };
    greeted().then(() => publish(`village/${village.id}/ask/${link.user}/${name}`, JSON.stringify(message)))
      .catch(() => settle(id, () => refused(new Refused("offline"))));
  });
}

function settle(id, how) {
  clearTimeout(open.get(id)?.timer);
  if (open.delete(id)) how();
}

listen((_village, leaf, answer) => {
  const it = leaf[0] === "reply" && leaf[2] === client ? open.get(answer.id) : undefined;
  if (!it) return;
  const error = answer.error ?? {};
  settle(answer.id, () => (answer.ok === true ? it.done(answer) : it.refused(new Refused(String(error.code), String(error.message), answer))));
});
