// `/register`. No data about the person is sent, and no captcha is loaded, before the consent box is ticked.

import { keepAccountName } from "./account_name.js";
import { call } from "./api.js";
import { withCaptcha } from "./captcha.js";
import { askForCode, challengeOf, codeButton, codeUsed } from "./codes.js";
import { byId, fault, isMobile, numberField, offer, onSubmit, passwordSwitches, refuse, strength, value } from "./form.js";
import { goOn, open } from "./session.js";
import { ready } from "./site.js";
import { tab } from "./storage.js";
import { say } from "./texts.js";

const form = byId("register");
const [box, mobile, code] = [byId("consent"), byId("mobile"), byId("code")];
const hint = byId("mobile-hint");
const usual = hint.textContent;
// The number that was checked last, and the one that has an account.
let checked = "";
let taken = "";

/** Shows early whether the number is free. The form can be sent without this check, because the server decides. */
async function checkNumber() {
  const number = value(mobile);
  if (number === checked) return;
  checked = "";
  hint.textContent = usual;
  if (!isMobile(number) || !box.checked) return;
  checked = number;
  hint.textContent = say("checking");
  const answer = await call("GET", `/users/mobile/${number}/`);
  // Another number may have been typed since.
  if (number !== value(mobile)) return;
  hint.textContent = say(answer.ok ? "free" : "unchecked");
  if (answer.code === "mobile_taken") tellTaken(answer.message);
  else if (!answer.ok) checked = "";
}

function tellTaken(message) {
  taken = value(mobile);
  hint.textContent = usual;
  fault(mobile, message);
  offer(byId("mobile-error"), say("toLogin"), () => byId("to-login").click());
}

hint.setAttribute("role", "status");
numberField(mobile);
mobile.addEventListener("input", checkNumber);
mobile.addEventListener("change", checkNumber);
box.addEventListener("change", () => {
  fault(box, "");
  checkNumber();
});

// The sign-in page gets the number too, but not in its address.
byId("to-login").addEventListener("click", () => {
  if (isMobile(value(mobile))) tab.set("mobile", value(mobile));
});

/** Returns whether a code can be asked for. Shows every missing item and focuses the first. */
function isReadyForCode() {
  // A taken number has its message already.
  if (value(mobile) !== taken) fault(mobile, isMobile(value(mobile)) ? "" : say("mobile"));
  fault(box, box.checked ? "" : say("consent"));
  const missing = [mobile, box].find((input) => input.hasAttribute("aria-invalid"));
  if (missing) missing.focus();
  return !missing;
}

codeButton(byId("code-send"), { name: "register", input: code, recipient: mobile }, async () => {
  if (!isReadyForCode()) return undefined;
  const number = value(mobile);
  return askForCode("register", number, (challenge) =>
    withCaptcha("sms", (headers) => call("POST", `/users/sms/${number}/?handle=${challenge}`, { headers })),
  );
});

onSubmit(form, async () => {
  const body = {
    nickname: byId("nickname").value,
    mobile: value(mobile),
    sms_code: value(code),
    handle: challengeOf("register", value(mobile)),
    password: byId("password").value,
    consent: { terms: box.dataset.terms, privacy: box.dataset.privacy },
  };
  const answer = await withCaptcha("register", (headers) => open("/users/", body, headers));
  if (answer.ok) {
    codeUsed("register");
    keepAccountName(body.mobile);
    return goOn();
  }
  const places = {
    sms_code: "code", code_wrong: "code", code_expired: "code", code_malformed: "code",
    mobile_malformed: "mobile", mobile_taken: "mobile", consent_required: "consent", consent_outdated: "consent", codes_blocked: "code",
  };
  refuse(form, answer, places);
  // The reloaded page must not restore a tick that was given to the old terms.
  if (answer.code === "consent_outdated") box.checked = false;
  if (answer.code === "mobile_taken") tellTaken(answer.message);
});

addEventListener("online", checkNumber);
// A browser may have restored the input: after a reload, on the way back, or in a tab that it had unloaded.
addEventListener("pageshow", checkNumber);
checkNumber();
strength(byId("password"), () => [value(mobile), byId("nickname").value]);
passwordSwitches();
ready();
