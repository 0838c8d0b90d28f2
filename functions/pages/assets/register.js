// `/register`: nothing about the person is sent, nor the captcha loaded, before the box is ticked.

import { call } from "./api.js";
import { withCaptcha } from "./captcha.js";
import { askForCode, challengeOf, codeButton, codeUsed } from "./codes.js";
import { byId, fault, isMobile, onSubmit, passwordSwitches, refuse, strength, value } from "./form.js";
import { goOn, open } from "./session.js";
import { ready } from "./site.js";
import { tab } from "./storage.js";
import { say } from "./texts.js";

const form = byId("register");
const [box, mobile, code] = [byId("consent"), byId("mobile"), byId("code")];
const availability = byId("availability");
let checked = "";

async function checkNumber() {
  const number = value(mobile);
  if (!isMobile(number)) {
    checked = "";
    availability.textContent = "";
    byId("rest").hidden = true;
    return;
  }
  if (number === checked) return;
  if (!box.checked) {
    fault(box, say("consent"));
    return;
  }
  checked = number;
  availability.textContent = say("checking");
  const answer = await call("GET", `/users/mobile/${number}/`);
  // Another number may have been typed meanwhile.
  if (number !== value(mobile)) return;
  fault(mobile, answer.ok ? "" : answer.message);
  availability.textContent = answer.ok ? say("free") : "";
  if (answer.code === "mobile_taken") availability.append(signInLink());
  byId("rest").hidden = !answer.ok;
  if (answer.status === 0 || answer.status >= 500) checked = "";
}

mobile.addEventListener("input", checkNumber);
mobile.addEventListener("blur", () => (mobile.value = value(mobile)));
box.addEventListener("change", () => {
  fault(box, "");
  if (box.checked) checkNumber();
});

/** To the sign-in page the number goes along, but in no address. */
function carry() {
  if (isMobile(value(mobile))) tab.set("mobile", value(mobile));
}

function signInLink() {
  const link = document.createElement("a");
  link.id = "taken-to-login";
  link.href = byId("to-login").href;
  link.textContent = say("toLogin");
  link.addEventListener("click", carry);
  return link;
}

byId("to-login").addEventListener("click", carry);

codeButton(byId("code-send"), { name: "register", input: code, recipient: mobile }, async () => {
  if (!box.checked) {
    fault(box, say("consent"));
    box.focus();
    return undefined;
  }
  if (!isMobile(value(mobile))) {
    fault(mobile, say("mobile"));
    mobile.focus();
    return undefined;
  }
  const number = value(mobile);
  return askForCode("register", number, (challenge) =>
    withCaptcha("sms", (headers) => call("POST", `/users/sms/${number}/?handle=${challenge}`, { headers })),
  );
});

onSubmit(form, async () => {
  if (byId("rest").hidden) return checkNumber();
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
    return goOn();
  }
  const places = {
    sms_code: "code", code_wrong: "code", code_expired: "code", code_malformed: "code",
    mobile_malformed: "mobile", mobile_taken: "mobile", consent_required: "consent", consent_outdated: "consent", codes_blocked: "code",
  };
  refuse(form, answer, places);
});

addEventListener("online", checkNumber);
// A browser may have kept what was typed before a reload.
if (mobile.value) checkNumber();
strength(byId("password"), () => [value(mobile), byId("nickname").value]);
passwordSwitches();
ready();
