// `/login`

import { keepAccountName } from "./account_name.js";
import { call } from "./api.js";
import { withCaptcha } from "./captcha.js";
import { askForCode, challengeOf, codeButton, codeUsed } from "./codes.js";
import { busy, byId, check, fault, isMobile, numberField, offer, onSubmit, passwordSwitches, refuse, status, value } from "./form.js";
import { secondPlaces, secondProof, showSecondProof } from "./second_proof.js";
import { goOn, open } from "./session.js";
import { ready } from "./site.js";
import { tab } from "./storage.js";
import { hasReason, say } from "./texts.js";

const reason = new URLSearchParams(location.search).get("reason");
byId("reason").hidden = !hasReason(reason);
if (hasReason(reason)) byId("reason").textContent = say(reason);

// The number that was typed on the previous page.
const carried = tab.get("mobile");
if (carried) {
  tab.remove("mobile");
  byId("username").value = carried;
  byId("mobile").value = carried;
  byId("password").focus();
}

const tabs = [byId("by-password-tab"), byId("by-sms-tab")];
function select(chosen) {
  for (const one of tabs) {
    const is = one === chosen;
    one.setAttribute("aria-selected", String(is));
    one.tabIndex = is ? 0 : -1;
    byId(one.getAttribute("aria-controls")).hidden = !is;
  }
}
tabs.forEach((one, index) => {
  one.addEventListener("click", () => select(one));
  one.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    const other = event.key === "Home" ? tabs[0] : event.key === "End" ? tabs[1] : tabs[1 - index];
    select(other);
    other.focus();
  });
});

/** Switches to the other way to sign in. Takes the typed number along, and focuses the first missing field. */
function changeTo(chosen, from, to, then) {
  const number = value(from);
  if (isMobile(number)) to.value = number;
  // The button's cooldown depends on the number.
  to.dispatchEvent(new Event("input", { bubbles: true }));
  select(chosen);
  (to.value === "" ? to : then).focus();
}

const bySmsInstead = () => changeTo(tabs[1], byId("username"), byId("mobile"), byId(byId("consent").checked ? "code-send" : "consent"));
const byPasswordInstead = () => changeTo(tabs[0], byId("mobile"), byId("username"), byId("password"));

const byPassword = byId("by-password");

onSubmit(byPassword, async () => {
  const username = value(byId("username"));
  const remember = byId("remember").checked;
  const answer = await withCaptcha("login", (headers) =>
    open("/users/login/", { username, password: byId("password").value, remember }, headers),
  );
  if (answer.ok) {
    keepAccountName(username);
    return goOn();
  }
  const line = refuse(byPassword, answer);
  if (answer.code === "bad_credentials") byId("password").select();
  if (["bad_credentials", "too_many_requests"].includes(answer.code)) offer(line, say("bySms"), bySmsInstead);
});

const bySms = byId("by-sms");
const offerPassword = (line, { code }) => {
  const codeFails = ["code_wrong", "code_expired", "codes_blocked", "too_many_requests"].includes(code);
  if (codeFails) offer(line, say("byPassword"), byPasswordInstead);
};
const button = { name: "login", input: byId("code"), recipient: byId("mobile"), refused: (answer) => offerPassword(byId("code-error"), answer) };
codeButton(byId("code-send"), button, async () => {
  byId("code").required = false;
  const isReady = check(bySms);
  byId("code").required = true;
  if (!isReady) return undefined;
  const mobile = value(byId("mobile"));
  const path = `/users/sms/${mobile}/?purpose=login&register=true`;
  return askForCode("login", mobile, (challenge) =>
    withCaptcha("sms", (headers) => call("POST", `${path}&handle=${challenge}`, { headers })),
  );
});

/** Returns the fields of the form, as they are when a button is pressed. Both steps send the same. */
function typed() {
  const mobile = value(byId("mobile"));
  const handle = challengeOf("login", mobile);
  return { mobile, sms_code: value(byId("code")), handle, remember: byId("remember-sms").checked };
}

// A correct code that is refused for another reason can be sent again.
const send = (body) => open("/users/sms_login/", body, {});

/** Makes a new account. An account that had the number and was not used for long loses it. */
function signUp(fields) {
  const { terms, privacy } = byId("consent").dataset;
  return send({ ...fields, register: true, consent: { terms, privacy } });
}

/**
 * Signs in, and makes an account only for a number that has none: the owner of an account that was not used for long
 * may be the one who signs in.
 */
async function signInOrUp(fields) {
  const answer = await send({ ...fields, ...secondProof() });
  return answer.code === "no_such_user" ? signUp(fields) : answer;
}

/** Goes on after a success. Shows a refusal. */
function goOnBySms(answer, mobile) {
  if (answer.ok) {
    codeUsed("login");
    keepAccountName(mobile);
    return goOn();
  }
  const places = {
    code_wrong: "code", code_expired: "code", code_malformed: "code",
    mobile_malformed: "mobile", consent_required: "consent", consent_outdated: "consent",
  };
  // The reloaded page must not restore a tick that was given to the old terms.
  if (answer.code === "consent_outdated") byId("consent").checked = false;
  if (showSecondProof(answer, mobile)) return undefined;
  offerPassword(refuse(bySms, answer, { ...places, ...secondPlaces }), answer);
  return undefined;
}

onSubmit(bySms, async () => {
  const fields = typed();
  status(byId("new-number"), "");
  await goOnBySms(await signInOrUp(fields), fields.mobile);
});

byId("new-number-sign-up").addEventListener("click", ({ currentTarget }) => {
  if (bySms.dataset.busy || !check(bySms)) return;
  const fields = typed();
  status(bySms, "");
  status(byId("new-number"), "");
  busy(bySms, currentTarget, async () => {
    const answer = await signUp(fields);
    if (answer.code === "second_proof_required") return status(byId("new-number"), say("numberInUse"), "bad");
    await goOnBySms(answer, fields.mobile);
  });
});

numberField(byId("mobile"));
// A password manager finds the second proof's password under this name.
byId("mobile").addEventListener("input", () => (byId("account-name").value = value(byId("mobile"))));
byId("consent").addEventListener("change", ({ target }) => fault(target, ""));
passwordSwitches();
ready();
