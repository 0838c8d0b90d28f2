// `/login`

import { call } from "./api.js";
import { withCaptcha } from "./captcha.js";
import { askForCode, challengeOf, codeButton, codeUsed } from "./codes.js";
import { byId, check, fault, isMobile, onSubmit, passwordSwitches, refuse, status, value } from "./form.js";
import { secondPlaces, secondProof, showSecondProof } from "./second_proof.js";
import { goOn, open } from "./session.js";
import { ready } from "./site.js";
import { tab } from "./storage.js";
import { hasReason, say } from "./texts.js";

const reason = new URLSearchParams(location.search).get("reason");
if (hasReason(reason)) {
  byId("reason").textContent = say(reason);
  byId("reason").hidden = false;
}

// A number that was typed on the page before.
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

const byPassword = byId("by-password");
const bySms = byId("by-sms");

/** The other way to sign in, where this one does not lead on. The name goes along, where that way takes it. */
function offer(form, chosen, text) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.id = "other-way";
  button.textContent = say(text);
  button.addEventListener("click", () => {
    const [from, to] = chosen === tabs[1] ? [byId("username"), byId("mobile")] : [byId("mobile"), byId("username")];
    if (!to.value && isMobile(value(from))) to.value = value(from);
    to.dispatchEvent(new Event("input", { bubbles: true }));
    status(form, "");
    select(chosen);
    to.focus();
  });
  form.querySelector(".status").append(" ", button);
}

onSubmit(byPassword, async () => {
  const username = value(byId("username"));
  const remember = byId("remember").checked;
  const answer = await withCaptcha("login", (headers) =>
    open("/users/login/", { username, password: byId("password").value, remember }, headers, remember),
  );
  if (answer.ok) return goOn();
  refuse(byPassword, answer);
  if (answer.code !== "bad_credentials") return;
  byId("password").select();
  offer(byPassword, tabs[1], "useSms");
});

codeButton(byId("code-send"), { name: "login", input: byId("code"), recipient: byId("mobile") }, async () => {
  byId("code").required = false;
  const ready = check(bySms);
  byId("code").required = true;
  if (!ready) return undefined;
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
    remember,
  );
  if (answer.ok) {
    codeUsed("login");
    return goOn();
  }
  const places = {
    code_wrong: "code", code_expired: "code", code_malformed: "code",
    mobile_malformed: "mobile", consent_required: "consent", consent_outdated: "consent",
  };
  showSecondProof(answer);
  refuse(bySms, answer, { ...places, ...secondPlaces });
  if (answer.code === "codes_blocked") offer(bySms, tabs[0], "usePassword");
});

byId("mobile").addEventListener("blur", ({ target }) => (target.value = value(target)));
byId("consent").addEventListener("change", ({ target }) => fault(target, ""));
passwordSwitches();
ready();
