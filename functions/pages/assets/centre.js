// `/users`: the personal centre.

import { busy, byId, isMobile, onSubmit, passwordSwitches, fault, refuse, status, strength, value } from "./form.js";
import { withCaptcha } from "./captcha.js";
import { codeButton } from "./codes.js";
import { callProved, fillProofs, placesOf } from "./proof.js";
import { callSignedIn, over, signOut } from "./session.js";
import { english, say } from "./texts.js";

let account = {};

function show() {
  byId("nickname-item-value").textContent = account.nickname;
  byId("username-item-value").textContent = account.username || say("none");
  byId("mobile-item-value").textContent = account.mobile || say("none");
  byId("email-item-value").textContent = account.email || say("none");
  byId("password-item-value").textContent = say(account.has_password ? "set" : "none");
}

/** A form of a row: sends, and on success closes the row and shows the account as it is then. */
function row(id, places, send, done = () => {}) {
  const form = byId(`${id}-form`);
  onSubmit(form, async () => {
    const answer = await send();
    if (!answer.ok) return refuse(form, answer, places);
    form.reset();
    status(form, say("saved"), "good");
    await done(answer);
  });
  return form;
}

const keep = (answer) => {
  account = { ...account, ...answer.body };
  show();
};

function profile() {
  const username = { username_malformed: "username", username_reserved: "username", username_taken: "username" };
  row("nickname", { nickname_refused: "nickname" }, () =>
    callSignedIn("PATCH", "/users/me/", { body: { nickname: byId("nickname").value } }), keep);
  row("username", username, () =>
    callSignedIn("PATCH", "/users/me/", { body: { username: value(byId("username")) } }), keep);
}

function mobile() {
  const number = byId("mobile");
  number.addEventListener("blur", () => (number.value = value(number)));
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
  const places = { ...placesOf("mobile-proof"), code_wrong: code, code_expired: code, code_malformed: code };
  row("mobile", { ...places, mobile_taken: "mobile", mobile_malformed: "mobile" }, () => {
    const body = { mobile: value(number), sms_code: value(byId(code)) };
    return callProved("mobile-proof", "PUT", "/users/me/mobile/", body);
  }, (answer) => {
    keep(answer);
    return devices();
  });
}

function email() {
  const form = row("email", { ...placesOf("email-proof"), email_malformed: "email" }, async () => {
    const address = value(byId("email"));
    const answer = await callProved("email-proof", "POST", "/users/me/email/", { email: address });
    if (answer.ok) byId("email-code-form").dataset.email = address;
    return answer;
  }, (answer) => {
    status(form, answer.body.detail, "good");
    byId("email-code-form").hidden = false;
    byId("email-code").focus();
  });
  const places = { code_wrong: "email-code", code_expired: "email-code", code_malformed: "email-code" };
  row("email-code", places, () => {
    const address = byId("email-code-form").dataset.email;
    const body = { email: address, email_code: value(byId("email-code")) };
    return callSignedIn("PUT", "/users/me/email/", { body });
  }, (answer) => {
    keep({ body: { email: answer.body.email } });
    byId("email-code-form").hidden = true;
    status(form, say("saved"), "good");
    return devices();
  });
}

function password() {
  const problems = ["too_short", "too_long", "too_common", "breached", "personal"];
  const places = Object.fromEntries(problems.map((problem) => [`password_${problem}`, "new-password"]));
  row("password", { ...placesOf("password-proof"), ...places }, () => {
    const body = { new_password: byId("new-password").value };
    return callProved("password-proof", "PUT", "/users/me/password/", body);
  }, () => {
    if (!account.has_password) fillProofs(true);
    keep({ body: { has_password: true } });
    return devices();
  });
  strength(byId("new-password"), () => [account.nickname, account.username || ""]);
}

async function devices() {
  const answer = await callSignedIn("GET", "/users/me/sessions/");
  if (!answer.ok) return (byId("devices-status").textContent = answer.message);
  const date = new Intl.DateTimeFormat(english ? "en" : "zh-CN", { dateStyle: "medium", timeStyle: "short" });
  byId("devices").replaceChildren(
    ...answer.body.map((session) => {
      const item = document.createElement("li");
      item.className = "device";
      const words = document.createElement("div");
      words.append(session.device, " ");
      const small = document.createElement("small");
      small.textContent = say("lastUsed", { at: date.format(new Date(session.last_used_at)), address: session.address });
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
}

function data() {
  row("export", placesOf("export-proof"), () =>
    callProved("export-proof", "POST", "/users/me/export/"), (answer) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(answer.body, null, 2)], { type: "application/json" }));
    link.download = "account.json";
    link.click();
    URL.revokeObjectURL(link.href);
    status(byId("export-form"), say("downloaded"), "good");
  });
  row("delete", placesOf("delete-proof"), () =>
    callProved("delete-proof", "DELETE", "/users/me/"), () => {
    over();
    location.replace("/login?reason=account_deleted");
  });
}

async function leave(path, body) {
  const answer = body ? await callSignedIn("POST", path, { body }) : await signOut();
  if (answer.ok || answer.status === 401) {
    over();
    location.replace("/login");
  } else {
    byId("devices-status").textContent = answer.message;
  }
}

async function start() {
  const answer = await callSignedIn("GET", "/users/me/");
  if (!answer.ok) return (byId("loading").textContent = answer.message);
  account = answer.body;
  fillProofs(account.has_password);
  show();
  byId("loading").hidden = true;
  byId("account").hidden = false;
  profile();
  mobile();
  email();
  password();
  data();
  // Those of the proofs have theirs already.
  passwordSwitches(byId("new-password-field"));
  const card = byId("devices").closest("section");
  byId("sign-out-all").addEventListener("click", ({ currentTarget }) =>
    busy(card, currentTarget, () => leave("/users/logout/", { all: true })),
  );
  await devices();
}

byId("sign-out").addEventListener("click", () => leave());
start();
