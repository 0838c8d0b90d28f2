// `/login`

import { keepAccountName } from "./account_name.js";
import { call } from "./api.js";
import { withCaptcha } from "./captcha.js";
import { askForCode, challengeOf, codeButton, codeUsed } from "./codes.js";
import { byId, check, fault, isMobile, numberField, offer, onSubmit, passwordSwitches, refuse, value } from "./form.js";
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
onSubmit(bySms, async () => {
  const remember = byId("remember-sms").checked;
  const box = byId("consent");
  const answer = await open(
    "/users/sms_login/",
    {
      mobile: value(byId("mobile")),
      sms_code: value(byId("code")),
      handle: challengeOf("login", value(byId("mobile"))),
      register: true,
      remember,
      consent: { terms: box.dataset.terms, privacy: box.dataset.privacy },
      ...secondProof(),
    },
    {},
  );
  if (answer.ok) {
    codeUsed("login");
    keepAccountName(value(byId("mobile")));
    return goOn();
  }
  const places = {
    code_wrong: "code", code_expired: "code", code_malformed: "code",
    mobile_malformed: "mobile", consent_required: "consent", consent_outdated: "consent",
  };
  showSecondProof(answer);
  offerPassword(refuse(bySms, answer, { ...places, ...secondPlaces }), answer);
});

numberField(byId("mobile"));
// A password manager finds the second proof's password under this name.
byId("mobile").addEventListener("input", () => (byId("account-name").value = value(byId("mobile"))));
byId("consent").addEventListener("change", ({ target }) => fault(target, ""));
passwordSwitches();
ready();
