// `/forget_pwd/`. The addresses are relative, like those of the old script. The page's base is the root.

import { COOKIE, call, refusal } from "./api.js";
import { withCaptcha } from "./captcha.js";
import { askForCode, challengeOf, codeButton, codeUsed } from "./codes.js";
import { byId, fault, isMobile, numberField, offer, onSubmit, passwordSwitches, refuse, strength, value } from "./form.js";
import { hideSecondProof, secondPlaces, secondProof, showSecondProof } from "./second_proof.js";
import { ready } from "./site.js";
import { cookie, cookiesWork, tab } from "./storage.js";
import { say } from "./texts.js";

const form = byId("forgotten");
const mobile = byId("mobile");

/**
 * Sends the form with the cookie's value repeated in a header. A page of another site can make a browser send the
 * cookie, but cannot read it. A page that was left open has an old value, so it is fetched again to set a fresh one.
 */
async function reset(body, headers) {
  if (!cookiesWork()) return refusal("cookies_needed");
  const send = () => call("POST", "forget_pwd/", { body, headers: { ...COOKIE, ...headers, "X-CSRFToken": cookie("csrf_token") } });
  const answer = await send();
  if (answer.code !== "csrf_refused") return answer;
  await call("GET", "forget_pwd/");
  return send();
}

numberField(mobile);

codeButton(byId("code-send"), { name: "forgotten", input: byId("code"), recipient: mobile }, async () => {
  if (!isMobile(value(mobile))) {
    fault(mobile, say("mobile"));
    mobile.focus();
    return undefined;
  }
  const number = value(mobile);
  return askForCode("forgotten", number, (challenge) =>
    withCaptcha("sms", (headers) => call("POST", "forget_pwd/sms_code/", { body: { mobile: number, handle: challenge }, headers })),
  );
});

onSubmit(form, async () => {
  const number = value(mobile);
  const code = { sms_code: value(byId("code")), handle: challengeOf("forgotten", number) };
  const body = { mobile: number, ...code, new_password: byId("password").value, ...secondProof() };
  const answer = await withCaptcha("reset", (headers) => reset(body, headers));
  if (answer.ok) {
    codeUsed("forgotten");
    form.hidden = true;
    hideSecondProof();
    byId("done").hidden = false;
    byId("done-text").textContent = say("resetDone");
    byId("done-text").focus();
    tab.set("mobile", number);
    return;
  }
  const password = ["too_short", "too_long", "too_common", "breached", "personal"].map((problem) => [`password_${problem}`, "password"]);
  const places = {
    mobile_malformed: "mobile", no_such_user: "mobile",
    code_wrong: "code", code_expired: "code", code_malformed: "code", codes_blocked: "code",
  };
  if (showSecondProof(answer, number)) return;
  const line = refuse(form, answer, { ...places, ...secondPlaces, ...Object.fromEntries(password) });
  const codeFails = ["code_expired", "codes_blocked", "too_many_requests"].includes(answer.code);
  if (codeFails) offer(line, say("byMail"), () => location.assign("/find_password"));
});

// The sign-in page gets the number too, but not in its address.
byId("to-sms-log-in").addEventListener("click", () => tab.set("mobile", value(mobile)));
strength(byId("password"), () => [value(mobile)]);
passwordSwitches();
ready();
