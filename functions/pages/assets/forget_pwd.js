// `/forget_pwd/`: the addresses are relative, as the old script's were; the page's base is the root.

import { call } from "./api.js";
import { withCaptcha } from "./captcha.js";
import { askForCode, codeButton, handleOf } from "./codes.js";
import { byId, fault, isMobile, numberField, offer, onSubmit, passwordSwitches, refuse, strength, value } from "./form.js";
import { secondPlaces, secondProof, showSecondProof } from "./second_proof.js";
import { has, say } from "./texts.js";

const form = byId("forgotten");
const mobile = byId("mobile");

/** The cookie's value, repeated in a header: a page of another site can send the one, and read neither. */
const csrf = () => (document.cookie.match(/(?:^|; )csrf_token=([^;]*)/) || [])[1] || "";

numberField(mobile);

codeButton(byId("code-send"), { name: "forgotten", input: byId("code"), recipient: mobile }, async () => {
  if (!isMobile(value(mobile))) {
    fault(mobile, say("mobile"));
    mobile.focus();
    return undefined;
  }
  const number = value(mobile);
  return askForCode("forgotten", number, (handle) =>
    withCaptcha("sms", (headers) => call("POST", "forget_pwd/sms_code/", { body: { mobile: number, handle }, headers })),
  );
});

onSubmit(form, async () => {
  const number = value(mobile);
  const handle = handleOf("forgotten", number);
  const sms_code = value(byId("code"));
  const body = { mobile: number, sms_code, handle, new_password: byId("password").value, ...secondProof() };
  const answer = await withCaptcha("reset", (headers) =>
    call("POST", "forget_pwd/", { body, headers: { ...headers, "X-CSRFToken": csrf() } }),
  );
  if (answer.ok) {
    form.hidden = true;
    byId("done").hidden = false;
    byId("done-text").textContent = answer.body.errmsg;
    byId("done-text").focus();
    sessionStorage.setItem("mobile", value(mobile));
    return;
  }
  const password = ["too_short", "too_long", "too_common", "breached", "personal"].map((problem) => [`password_${problem}`, "password"]);
  const places = { mobile_malformed: "mobile", code_wrong: "code", code_expired: "code", code_malformed: "code" };
  // The answer's words are the old clients' and give no reason; its code does.
  if (answer.code.startsWith("password_") && has(answer.code)) answer.message = say(answer.code);
  showSecondProof(answer);
  const line = refuse(form, answer, { ...places, ...secondPlaces, ...Object.fromEntries(password) });
  const codeFails = ["code_expired", "codes_blocked", "too_many_requests"].includes(answer.code);
  if (codeFails) offer(line, say("byMail"), () => location.assign("/find_password"));
});

strength(byId("password"), () => [value(mobile)]);
passwordSwitches();
