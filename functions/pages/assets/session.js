// Being signed in, as far as a page may know of it. The refresh token is in a cookie that no script reads; the access
// token is in this module's memory and nowhere else. Tabs lend each other theirs, so that two tabs refresh once.

import { call } from "./api.js";
import { dropReauthentication, keepReauthentication } from "./reauthentication.js";

const COOKIE = { "X-Session": "cookie" };
const LEND_MS = 120;
const EARLY_MS = 30_000;

let token = "";
let goodUntil = 0;
// Whose token it is, and whether this page shows their account.
let whose = "";
let session = "";
let shows = false;
let leaving = false;

const channel = "BroadcastChannel" in window ? new BroadcastChannel("session") : null;
channel?.addEventListener("message", ({ data }) => {
  if (data.wanted && token && Date.now() < goodUntil) channel.postMessage({ token, goodUntil });
  if (data.token && data.goodUntil > goodUntil) adopt(data);
  if (data.ended) {
    forget();
    // What it shows is nobody's business any more.
    if (shows) reload();
  }
});

/** Takes a token. One of another account, which somebody signed in to in another tab, makes the page show that one. */
function adopt(next) {
  const { sub: subject, sid } = JSON.parse(atob(next.token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  // What was asked for as one person is not done as another.
  if (shows && whose && subject !== whose) return reload();
  ({ token, goodUntil } = next);
  whose = subject;
  session = sid;
}

/** The session of the access token; a reauthentication is good in no other. */
export const sessionId = () => session;

function reload() {
  leaving = true;
  // Nor is it lent to another tab from here.
  token = "";
  goodUntil = 0;
  location.reload();
}

/** What is still waiting while another page loads does not go on. */
const never = () => new Promise(() => {});

/** A hint for this browser's own pages whether it is worth asking; it admits to nothing. */
function hint(life) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `signed_in=${life === 0 ? "" : 1}; Path=/; SameSite=Lax${secure}${life === null ? "" : `; Max-Age=${life}`}`;
}

export const isHinted = () => /(?:^|; )signed_in=1/.test(document.cookie);

function keep(body, remember) {
  adopt({ token: body.token, goodUntil: Date.now() + body.expires_in * 1000 - EARLY_MS });
  if (remember !== undefined) hint(remember ? 90 * 86_400 : null);
  else if (!isHinted()) hint(null);
  channel?.postMessage({ token, goodUntil });
}

function forget() {
  token = "";
  goodUntil = 0;
  whose = "";
  session = "";
  dropReauthentication();
  hint(0);
}

/** A sign-in or sign-up: the answer's tokens are kept. */
export async function open(path, body, headers, remember = true) {
  const answer = await call("POST", path, { body, headers: { ...COOKIE, ...headers } });
  if (answer.ok) {
    whose = "";
    keep(answer.body, remember);
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
  if (token && Date.now() < goodUntil) return { ok: true };
  const refresh = async () => {
    if (await borrow()) return { ok: true };
    const answer = await call("POST", "/users/token/refresh/", { headers: COOKIE });
    if (answer.ok) {
      keep(answer.body);
      return { ok: true };
    }
    if (answer.status === 401) forget();
    return { ok: false, reason: answer.status === 401 ? reasonOf(answer.code) : "offline", message: answer.message };
  };
  const state = await (navigator.locks ? navigator.locks.request("refresh", refresh) : refresh());
  return leaving ? never() : state;
}

/** A browser drops a cookie that has expired, and sends none: whoever sees that was signed out too. */
const reasonOf = (code) => (code === "refresh_token_spent" ? code : "session_ended");

/** Another tab may have refreshed a moment ago. */
async function borrow() {
  if (!channel) return false;
  channel.postMessage({ wanted: true });
  for (let waited = 0; waited < LEND_MS; waited += 20) {
    await new Promise((done) => setTimeout(done, 20));
    if (token && Date.now() < goodUntil) return true;
  }
  return false;
}

/** A call as the person who is signed in. A session that ended elsewhere leads back to the sign-in page. */
export async function callSignedIn(method, path, { body, headers } = {}) {
  shows = true;
  const state = await signedIn();
  if (!state.ok && state.reason === "offline") {
    return { ok: false, status: 0, code: "offline", message: state.message, fields: {} };
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
  location.replace(`/login?reason=${encodeURIComponent(reason)}&next=${next}`);
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
