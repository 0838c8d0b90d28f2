// `/reset_password`. The token is removed from the address bar first. This tab's history keeps it until it is used, for
// a reload or a switch of language.

import { COOKIE, call } from "./api.js";
import { withCaptcha } from "./captcha.js";
import { byId, fault, onSubmit, passwordSwitches, refuse, retry, strength } from "./form.js";
import { ready } from "./site.js";
import { say } from "./texts.js";

const token = new URLSearchParams(location.search).get("access_token") || history.state?.token || "";
history.replaceState({ token }, "", location.pathname);

const form = byId("reset");
const [password, repeated] = [byId("password"), byId("password2")];

function expired(message) {
  history.replaceState(null, "");
  byId("checking").hidden = true;
  form.hidden = true;
  byId("expired").hidden = false;
  byId("expired-text").textContent = message;
  byId("expired-text").focus();
}

async function look() {
  const answer = await call("POST", "/users/find/password/", { body: { access_token: token || "-" } });
  if (answer.ok) {
    byId("checking").hidden = true;
    form.hidden = false;
    byId("whose").textContent = say("linkFor", { email: answer.body.email });
    byId("account-name").value = answer.body.email;
    password.focus();
  } else if (answer.code === "link_invalid") {
    expired(answer.message);
  } else {
    retry(byId("checking"), byId("retry"), answer.message, look);
  }
}

const match = byId("password2-hint");
const usual = match.textContent;
match.setAttribute("role", "status");
const compare = () => {
  const both = password.value !== "" && repeated.value !== "";
  match.textContent = both && password.value === repeated.value ? say("same") : usual;
  // While the second one is still being typed, it is not shown as wrong.
  const wrong = both && !password.value.startsWith(repeated.value);
  fault(repeated, wrong ? say("differ") : "");
};
password.addEventListener("input", compare);
repeated.addEventListener("input", compare);

onSubmit(form, async () => {
  const body = { access_token: token, password: password.value, password2: repeated.value };
  const answer = await withCaptcha("reset", (headers) => call("PUT", "/users/find/password/", { body, headers: { ...COOKIE, ...headers } }));
  if (answer.ok) {
    history.replaceState(null, "");
    form.hidden = true;
    byId("done").hidden = false;
    byId("done-text").textContent = say("resetDone");
    byId("done-text").focus();
  } else if (answer.code === "link_invalid" || answer.code === "link_account_gone") {
    expired(answer.message);
  } else {
    const problems = ["too_short", "too_long", "too_common", "breached", "personal"];
    const places = Object.fromEntries(problems.map((problem) => [`password_${problem}`, "password"]));
    refuse(form, answer, { ...places, passwords_differ: "password2" });
  }
});

strength(password);
passwordSwitches();
look();
ready();
