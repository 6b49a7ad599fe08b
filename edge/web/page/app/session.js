/* Who is using the page: the user and the token that a pairing code carried.

   takeAddress()  reads `#user=…&token=…`, keeps them and clears the fragment; true if there were any
   takeText(text) the same from a pasted address
   login()        {user, token}, or null
   forget()       this phone is nobody's again */
const KEY = "login";
const USER = /^[a-z0-9][a-z0-9-]{0,31}$/;
const TOKEN = /^[A-Za-z0-9_-]{20,100}$/;

export function takeAddress() {
  const taken = takeText(location.hash);
  if (taken) history.replaceState(null, "", location.pathname);
  return taken;
}

export function takeText(text) {
  const found = new URLSearchParams(text.slice(text.indexOf("#") + 1));
  const user = found.get("user") ?? "", token = found.get("token") ?? "";
  if (!USER.test(user) || !TOKEN.test(token)) return false;
  localStorage.setItem(KEY, JSON.stringify({ user, token }));
  return true;
}

export function login() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "null");
    return kept !== null && USER.test(kept.user) && TOKEN.test(kept.token) ? kept : null;
  } catch {
    return null;
  }
}

export function forget() {
  localStorage.clear();
}
