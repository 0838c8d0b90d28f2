// `/users`: the account page.

import { fillAccountNames, keepAccountName } from "./account_name.js";
import { setUpBanners, showBanners } from "./banners.js";
import { busy, byId, isMobile, numberField, passwordSwitches, fault, loaded, retry, strength, value } from "./form.js";
import { withCaptcha } from "./captcha.js";
import { codeButton } from "./codes.js";
import { moment } from "./dates.js";
import { emailRow } from "./email_row.js";
import { callProved, fillProofs, placesOf } from "./proof.js";
import { row, saved } from "./row.js";
import { callSignedIn, over, signOut } from "./session.js";
import { ready } from "./site.js";
import { say } from "./texts.js";

let account = {};

function show() {
  byId("nickname-item-value").textContent = account.nickname;
  byId("username-item-value").textContent = account.username || say("none");
  byId("mobile-item-value").textContent = account.mobile || say("none");
  byId("email-item-value").textContent = account.email || say("none");
  byId("password-item-value").textContent = say(account.has_password ? "set" : "none");
  fillAccountNames(account);
}

/** Shows or hides the banners. What the person is at stays in its place, although they are above it. */
function tell() {
  const at = document.activeElement;
  const top = at.getBoundingClientRect().top;
  showBanners(account);
  scrollBy(0, at.getBoundingClientRect().top - top);
}

/** Adopts what an answer shows of the account. */
function keep(answer) {
  const before = account;
  account = { ...account, ...answer.body };
  if (account.has_password !== before.has_password || Boolean(account.mobile) !== Boolean(before.mobile)) fillProofs(account);
  show();
  tell();
}

/** Loads the account and its devices again after a change of credentials, which can end what a banner is about. */
async function again() {
  const [answer] = await Promise.all([callSignedIn("GET", "/users/me/"), devices()]);
  if (answer.ok) keep(answer);
}

function profile() {
  const username = Object.fromEntries(["malformed", "reserved", "taken"].map((problem) => [`username_${problem}`, "username"]));
  row("nickname", { nickname_refused: "nickname" }, () =>
    callSignedIn("PATCH", "/users/me/", { body: { nickname: byId("nickname").value } }), keep);
  row("username", { ...placesOf("username-proof"), ...username }, () =>
    callProved("username-proof", "PATCH", "/users/me/", { username: value(byId("username")) }), keep);
}

function mobile() {
  const number = byId("mobile");
  numberField(number);
  codeButton(byId("mobile-code-send"), { name: "mobile", input: byId("mobile-code"), recipient: number }, async () => {
    if (!isMobile(value(number))) {
      fault(number, say("mobile"));
      number.focus();
      return undefined;
    }
    const path = `/users/sms/${value(number)}/?purpose=mobile`;
    return withCaptcha("sms", (headers) => callSignedIn("POST", path, { body: {}, headers }));
  });
  const code = "mobile-code";
  let moved = "";
  const places = { ...placesOf("mobile-proof"), code_wrong: code, code_expired: code, code_malformed: code };
  row("mobile", { ...places, mobile_taken: "mobile", mobile_malformed: "mobile" }, () => {
    moved = value(number);
    const body = { mobile: moved, sms_code: value(byId(code)) };
    return callProved("mobile-proof", "PUT", "/users/me/mobile/", body);
  }, (answer) => {
    keepAccountName(moved);
    keep(answer);
    return again();
  });
}

function password() {
  const problems = ["too_short", "too_long", "too_common", "breached", "personal"];
  const places = Object.fromEntries(problems.map((problem) => [`password_${problem}`, "new-password"]));
  row("password", { ...placesOf("password-proof"), ...places }, () => {
    const body = { new_password: byId("new-password").value };
    return callProved("password-proof", "PUT", "/users/me/password/", body);
  }, () => {
    keep({ body: { has_password: true } });
    return again();
  });
  strength(byId("new-password"), () => [account.nickname, account.username || ""]);
}

async function devices() {
  const answer = await callSignedIn("GET", "/users/me/sessions/");
  if (!answer.ok) return retry(byId("devices-status"), byId("devices-retry"), answer.message, devices);
  loaded(byId("devices-status"));
  byId("devices").textContent = "";
  byId("devices").append(
    ...answer.body.map((session) => {
      const item = document.createElement("li");
      item.className = "device";
      const words = document.createElement("div");
      words.append(session.device, " ");
      const small = document.createElement("small");
      small.textContent = say("lastUsed", { at: moment(session.last_used_at), address: session.address });
      if (session.current) {
        const badge = document.createElement("span");
        badge.className = "badge";
        badge.textContent = say("thisDevice");
        words.append(badge);
      }
      words.append(small);
      item.append(words);
      if (!session.current) {
        const button = document.createElement("button");
        button.className = "plain";
        button.type = "button";
        button.textContent = say("signOutDevice");
        button.setAttribute("aria-label", `${say("signOutDevice")}: ${session.device}`);
        button.addEventListener("click", () => end(button, session.id));
        item.append(button);
      }
      return item;
    }),
  );
}

async function end(button, id) {
  button.disabled = true;
  const answer = await callSignedIn("DELETE", `/users/me/sessions/${id}/`);
  byId("devices-status").textContent = answer.ok || answer.status === 404 ? say("signedOutThere") : answer.message;
  await devices();
  // The button has disappeared with its device.
  byId("devices-title").focus({ preventScroll: true });
}

function data() {
  row("export", placesOf("export-proof"), () =>
    callProved("export-proof", "POST", "/users/me/export/"), (answer) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(answer.body, null, 2)], { type: "application/json" }));
    link.download = "account.json";
    link.click();
    // Older Safari versions read it only after a while.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    saved("export", say("downloaded"));
  });
  row("delete", placesOf("delete-proof"), () =>
    callProved("delete-proof", "DELETE", "/users/me/"), () => {
    over();
    location.replace("/login?reason=account_deleted");
  });
}

async function leave(path, body, line) {
  const answer = body ? await callSignedIn("POST", path, { body }) : await signOut();
  if (answer.ok || answer.status === 401) {
    over();
    location.replace("/login");
  } else {
    line.textContent = answer.message;
  }
}

async function start() {
  // Loaded together, so that nothing moves when the devices arrive.
  const [answer] = await Promise.all([callSignedIn("GET", "/users/me/"), devices()]);
  if (!answer.ok) return retry(byId("loading"), byId("retry"), answer.message, start);
  account = answer.body;
  fillProofs(account);
  show();
  const hadFocus = document.activeElement === byId("loading");
  byId("waiting").hidden = true;
  byId("account").hidden = false;
  showBanners(account);
  if (hadFocus) byId("main").focus({ preventScroll: true });
  profile();
  mobile();
  emailRow(account.id, (email) => {
    keep({ body: { email } });
    return again();
  });
  password();
  data();
  // The password fields for reauthentication have theirs already.
  passwordSwitches(byId("new-password-field"));
  const card = byId("devices").closest("section");
  for (const [button, line] of [["sign-out-all", "devices-status"], ["recovery-sign-out-all", "account-status"]]) {
    byId(button).addEventListener("click", ({ currentTarget }) =>
      busy(card, currentTarget, () => leave("/users/logout/", { all: true }, byId(line))),
    );
  }
  setUpBanners(() => account);
}

byId("sign-out").addEventListener("click", () => leave("", null, byId("account-status")));
start();
ready();
