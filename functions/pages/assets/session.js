// The session, as far as a page can know it. The refresh token is in a cookie that no script can read. The access token
// is only in this module's memory. Tabs lend each other their access token, so that two tabs refresh once.

import { COOKIE, call, refusal } from "./api.js";
import { dropReauthentication, keepReauthentication } from "./reauthentication.js";
import { over as ended, span } from "./span.js";
import { cookie, cookiesWork, PERSONAL, setCookie, tab } from "./storage.js";

const LEND_MS = 120;
const EARLY_MS = 30_000;
// Two attempts fit into the time in which the server repeats a lost answer (`REFRESH_REPEAT_SECONDS`).
const REFRESH_PATIENCE_MS = 10_000;

let token = "";
/** Returns the rest of the token's life, in milliseconds. */
let left = ended;
// The account of the token, and whether this page shows it.
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
    // The page shows an account that nobody is signed in to any more.
    if (shows) reload();
  }
});

/**
 * Returns `null` in Safari before 15.4, which has no channels, and in Firefox where it may store nothing. There each
 * tab refreshes for itself.
 */
function openChannel() {
  try {
    // eslint-disable-next-line compat/compat
    return new BroadcastChannel("session");
  } catch {
    return null;
  }
}

const lend = () => channel?.postMessage({ token, left: left() });

// A page restored from the browser's cache shows who was signed in when it was left. The same is true for a tab in the
// background, while somebody signs out in another.
addEventListener("pageshow", ({ persisted }) => persisted && shows && reload());
document.addEventListener("visibilitychange", () => !document.hidden && shows && !isHinted() && reload());

/**
 * Adopts a token. If it is of another account, which somebody signed in to in another tab, the page reloads to show
 * that one.
 */
function adopt(next) {
  const { sub: subject, sid } = JSON.parse(atob(next.token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
  // A request that one person started must not be sent as another.
  if (shows && whose && subject !== whose) return reload();
  token = next.token;
  left = span(next.left);
  whose = subject;
  session = sid;
}

/** Returns the session of the access token. A reauthentication token is valid in no other. */
export const sessionId = () => session;

function reload() {
  leaving = true;
  // The token must not be lent to another tab any more.
  token = "";
  left = ended;
  document.getElementById("main").hidden = true;
  location.reload();
}

/** Never resolves: code that waits while another page loads must not go on. */
const never = () => new Promise(() => {});

/**
 * Returns whether a session may exist. The server sets this cookie together with the session's, and removes it with it.
 */
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
  // The next person in this tab must not see a name or an address.
  for (const key of PERSONAL) tab.remove(key);
  setCookie("signed_in", "", 0);
}

/** Sends a sign-in or sign-up, and keeps the tokens of the answer. */
export async function open(path, body, headers) {
  // Without cookies the session would be lost with this page.
  if (!cookiesWork()) return refusal("cookies_needed");
  const answer = await call("POST", path, { body, headers: { ...COOKIE, ...headers } });
  if (answer.ok) {
    whose = "";
    keep(answer.body);
    keepReauthentication(answer.body.reauthentication, session);
  }
  return answer;
}

/** Returns whether there is an access token, after a refresh if necessary. `reason` tells why not. */
export async function signedIn() {
  if (leaving) {
    // Reload once more: the user has stopped it.
    reload();
    return never();
  }
  if (isGood()) return { ok: true };
  const state = await alone(refresh);
  return leaving ? never() : state;
}

/**
 * Runs `act` in one tab at a time. In a browser that has no locks or refuses them, the server tolerates two refreshes
 * at once.
 */
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
  // The token may be rotated and the answer lost. The server repeats the answer to an immediate retry. Later it takes
  // the retry for the use of a stolen token.
  if (answer.status === 0 || answer.status >= 500) answer = await ask();
  if (answer.ok) {
    keep(answer.body);
    return { ok: true };
  }
  if (answer.status === 401) forget();
  return { ok: false, reason: answer.status === 401 ? reasonOf(answer.code, hinted) : "offline", message: answer.message };
}

/**
 * Tells why a session ended. The cookie of an expired session is gone, so without the hint nobody may have been signed
 * in.
 */
function reasonOf(code, hinted) {
  if (!cookiesWork()) return "cookies_needed";
  if (code === "refresh_token_spent" || code === "credentials_changed") return code;
  return hinted ? "session_ended" : "";
}

/** Asks other tabs for a token, because one may have refreshed a moment ago. */
async function borrow() {
  if (!channel) return false;
  channel.postMessage({ wanted: true });
  for (let waited = 0; waited < LEND_MS; waited += 20) {
    await new Promise((done) => setTimeout(done, 20));
    if (isGood()) return true;
  }
  return false;
}

/** Calls the API as the signed-in person. If the session has ended elsewhere, it leads to the sign-in page. */
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
    // A change on another device or in another tab invalidated the token early. Try once more with a new one.
    token = "";
    const again = await signedIn();
    if (!again.ok) return again.reason === "offline" ? answer : leave(again.reason);
    answer = await send();
  }
  if (answer.ok && answer.body && answer.body.token) {
    // A change of credentials returns new tokens.
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
  // Without a reason the page simply asks to sign in.
  location.replace(`/login?${reason ? `reason=${encodeURIComponent(reason)}&` : ""}next=${next}`);
  return never();
}

/** Leads to the next page after a sign-in. Never resolves, so that nothing is sent again while that page loads. */
export function goOn() {
  location.assign(nextPath());
  return never();
}

/** Returns the path in `?next=`. It is always a path of this site. */
function nextPath() {
  const wanted = new URLSearchParams(location.search).get("next") || "";
  try {
    const url = new URL(wanted, location.origin);
    // The URL parser makes `//elsewhere` of `/.//elsewhere`, which would then be read as another host.
    const here = url.origin === location.origin && !url.pathname.startsWith("//");
    if (wanted.startsWith("/") && here) return url.pathname + url.search;
  } catch {
    // A text that is not a URL leads to the account page.
  }
  return "/users";
}
