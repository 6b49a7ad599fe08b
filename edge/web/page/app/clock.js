/* The time, as the page's server has it: a phone's own clock may be wrong by hours, and a command says until when it
   may be carried out.

   now()      Unix milliseconds
   setBy(ms)  what the server says it is now
   every(fn)  calls fn once a second while the page is seen */
let ahead = 0;

export const now = () => Date.now() + ahead;

export function setBy(ms) {
  const off = ms - Date.now();
  ahead = Math.abs(off) > 2000 ? off : 0;
}

export function every(fn) {
  setInterval(() => document.hidden || fn(), 1000);
}
