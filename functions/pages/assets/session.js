// Being signed in, as far as a page may know of it. The refresh token is in a cookie that no script reads; the access
// token is in this module's memory and nowhere else. Tabs lend each other theirs, so that two tabs refresh once.

import { COOKIE, call, refusal } from "./api.js";
import { dropReauthentication, keepReauthentication } from "./reauthentication.js";
import { over as ended, span } from "./span.js";
import { cookie, cookiesWork, PERSONAL, setCookie, tab } from "./storage.js";

const LEND_MS = 120;
const EARLY_MS = 30_000;
// Two of them fit into the time in which the server repeats an answer that was lost (`REFRESH_REPEAT_SECONDS`).
const REFRESH_PATIENCE_MS = 10_000;

let token = "";
/** What is left of its life, in milliseconds. */
let left = ended;
// Whose token it is, and whether this page shows their account.
let whose = "";
let session = "";
let shows = false;
let leaving = false;

const isGood = () => token !== "" && left() > 0;

const channel = openChannel();
channel?.addEventListener("message", ({ data }) => {
  if (data.wanted && isGood()) lend();
  if (data.token && data.left > left()) adopt(data);
  if (data.ended) {
    forget();
    // What it shows is nobody's business any more.
    if (shows) reload();
  }
});

/** Safari before 15.4 has none, and where nothing may be stored Firefox gives none: there each tab refreshes for itself. */
function openChannel() {
  try {
    // eslint-disable-next-line compat/compat
    return new BroadcastChannel("session");
  } catch {
    return null;
  }
}

const lend = () => channel?.postMessage({ token, left: left() });

// A page that comes back as it was left shows who was signed in then, and so does a tab that was in the background while
// somebody signed out in another.
addEventListener("pageshow", ({ persisted }) => persisted && shows && reload());
document.addEventListener("visibilitychange", () => !document.hidden && shows && !isHinted() && reload());

/** Takes a token. One of another account, which somebody signed in to in another tab, makes the page show that one. */
function adopt(next) {
  const { sub: subject, sid } = JSON.parse(atob(next.token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
  // What was asked for as one person is not done as another.
  if (shows && whose && subject !== whose) return reload();
  token = next.token;
  left = span(next.left);
  whose = subject;
  session = sid;
}

/** The session of the access token; a reauthentication is good in no other. */
export const sessionId = () => session;

function reload() {
  leaving = true;
  // Nor is it lent to another tab from here.
  token = "";
  left = ended;
  document.getElementById("main").hidden = true;
  location.reload();
}

/** What is still waiting while another page loads does not go on. */
const never = () => new Promise(() => {});

/** Whether it is worth asking for a token. The server sets this cookie beside the session's, and takes it away with it. */
export const isHinted = () => cookie("signed_in") === "1";

function keep(body) {
  adopt({ token: body.token, left: body.expires_in * 1000 - EARLY_MS });
  lend();
}

function forget() {
  token = "";
  left = ended;
  whose = "";
  session = "";
  dropReauthentication();
  // Whoever uses this tab next learns no name or address from it.
  for (const key of PERSONAL) tab.remove(key);
  setCookie("signed_in", "", 0);
}

/** A sign-in or sign-up: the answer's tokens are kept. */
export async function open(path, body, headers) {
  // The session would be lost with this page.
  if (!cookiesWork()) return refusal("cookies_needed");
  const answer = await call("POST", path, { body, headers: { ...COOKIE, ...headers } });
  if (answer.ok) {
    whose = "";
    keep(answer.body);
    keepReauthentication(answer.body.reauthentication, session);
  }
  return answer;
}

/** Whether there is an access token, refreshed when need be. `reason` says why not. */
export async function signedIn() {
  if (leaving) {
    // Once more: whoever uses this page still has stopped it loading.
    reload();
    return never();
  }
  if (isGood()) return { ok: true };
  const state = await alone(refresh);
  return leaving ? never() : state;
}

/** In one tab at a time. Where a browser has no locks, or refuses them, the server bears with two refreshes at once. */
async function alone(act) {
  const { locks } = navigator;
  let began = false;
  const begin = () => {
    began = true;
    return act();
  };
  try {
    return await (locks ? locks.request("refresh", begin) : begin());
  } catch (error) {
    if (began) throw error;
    return act();
  }
}

async function refresh() {
  if (await borrow()) return { ok: true };
  const ask = () => call("POST", "/users/token/refresh/", { headers: COOKIE, patience: REFRESH_PATIENCE_MS });
  const hinted = isHinted();
  let answer = await ask();
  // The token may be spent and the answer lost. Asked at once, the server gives it again; later, it takes this browser for
  // a thief of its own token.
  if (answer.status === 0 || answer.status >= 500) answer = await ask();
  if (answer.ok) {
    keep(answer.body);
    return { ok: true };
  }
  if (answer.status === 401) forget();
  return { ok: false, reason: answer.status === 401 ? reasonOf(answer.code, hinted) : "offline", message: answer.message };
}

/** A browser drops a cookie that has expired, and sends none: whoever sees that was signed out too, if ever signed in. */
function reasonOf(code, hinted) {
  if (!cookiesWork()) return "cookies_needed";
  if (code === "refresh_token_spent" || code === "credentials_changed") return code;
  return hinted ? "session_ended" : "";
}

/** Another tab may have refreshed a moment ago. */
async function borrow() {
  if (!channel) return false;
  channel.postMessage({ wanted: true });
  for (let waited = 0; waited < LEND_MS; waited += 20) {
    await new Promise((done) => setTimeout(done, 20));
    if (isGood()) return true;
  }
  return false;
}

/** A call as the person who is signed in. A session that ended elsewhere leads back to the sign-in page. */
export async function callSignedIn(method, path, { body, headers } = {}) {
  shows = true;
  const state = await signedIn();
  if (!state.ok && state.reason === "offline") {
    return { ...refusal("offline"), message: state.message };
  }
  if (!state.ok) return leave(state.reason);
  const send = () => call(method, path, { body, headers: { ...COOKIE, ...headers, Authorization: `Bearer ${token}` } });
  let answer = await send();
  if (answer.status === 401 && answer.code === "unauthorized") {
    // It died early, by a change made on another device or in another tab: once more, with a new one.
    token = "";
    const again = await signedIn();
    if (!again.ok) return again.reason === "offline" ? answer : leave(again.reason);
    answer = await send();
  }
  if (answer.ok && answer.body && answer.body.token) {
    // The credentials changed, and with them the tokens.
    dropReauthentication();
    keep(answer.body);
  }
  return answer;
}

export async function signOut() {
  const answer = await call("POST", "/users/logout/", { body: {}, headers: COOKIE });
  if (answer.ok || answer.status === 401) {
    forget();
    channel?.postMessage({ ended: true });
  }
  return answer;
}

export function over() {
  forget();
  channel?.postMessage({ ended: true });
}

function leave(reason) {
  forget();
  const next = encodeURIComponent(location.pathname);
  // Who was not signed in is simply asked to.
  location.replace(`/login?${reason ? `reason=${encodeURIComponent(reason)}&` : ""}next=${next}`);
  return never();
}

/** Leads on after a sign-in. Never returns, so that nothing can be sent again while the next page loads. */
export function goOn() {
  location.assign(nextPath());
  return never();
}

/** Where `?next=` leads: a path of this site, never elsewhere. */
function nextPath() {
  const wanted = new URLSearchParams(location.search).get("next") || "";
  try {
    const url = new URL(wanted, location.origin);
    // `/.//elsewhere` is a path here, but one that would be read as an address.
    const here = url.origin === location.origin && !url.pathname.startsWith("//");
    if (wanted.startsWith("/") && here) return url.pathname + url.search;
  } catch {
    // Not an address at all.
  }
  return "/users";
}
