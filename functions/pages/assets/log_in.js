// `/login`

import { call } from "./api.js";
import { withCaptcha } from "./captcha.js";
import { askForCode, codeButton, handleOf } from "./codes.js";
import { byId, check, fault, onSubmit, passwordSwitches, refuse, value } from "./form.js";
import { secondPlaces, secondProof, showSecondProof } from "./second_proof.js";
import { goOn, open } from "./session.js";
import { has, say } from "./texts.js";

const reason = new URLSearchParams(location.search).get("reason");
if (reason && has(reason)) {
  byId("reason").textContent = say(reason);
  byId("reason").hidden = false;
}

// A number that was typed on the page before.
const carried = sessionStorage.getItem("mobile");
if (carried) {
  sessionStorage.removeItem("mobile");
  byId("username").value = carried;
  byId("mobile").value = carried;
  byId("password").focus();
}

const tabs = [byId("by-password-tab"), byId("by-sms-tab")];
function select(chosen) {
  for (const tab of tabs) {
    const is = tab === chosen;
    tab.setAttribute("aria-selected", String(is));
    tab.tabIndex = is ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !is;
  }
}
tabs.forEach((tab, index) => {
  tab.addEventListener("click", () => select(tab));
  tab.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    const other = event.key === "Home" ? tabs[0] : event.key === "End" ? tabs[1] : tabs[1 - index];
    select(other);
    other.focus();
  });
});

const byPassword = byId("by-password");
onSubmit(byPassword, async () => {
  const username = value(byId("username"));
  const remember = byId("remember").checked;
  const answer = await withCaptcha("login", (headers) =>
    open("/users/login/", { username, password: byId("password").value, remember }, headers, remember),
  );
  if (answer.ok) return goOn();
  refuse(byPassword, answer);
  if (answer.code === "bad_credentials") byId("password").select();
});

const bySms = byId("by-sms");
codeButton(byId("code-send"), { name: "login", input: byId("code"), recipient: byId("mobile") }, async () => {
  byId("code").required = false;
  const ready = check(bySms);
  byId("code").required = true;
  if (!ready) return undefined;
  const mobile = value(byId("mobile"));
  const path = `/users/sms/${mobile}/?purpose=login&register=true`;
  return askForCode("login", mobile, (handle) =>
    withCaptcha("sms", (headers) => call("POST", `${path}&handle=${handle}`, { headers })),
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
      handle: handleOf("login", value(byId("mobile"))),
      register: true,
      remember,
      consent: { terms: box.dataset.terms, privacy: box.dataset.privacy },
      ...secondProof(),
    },
    {},
    remember,
  );
  if (answer.ok) return goOn();
  const places = { code_wrong: "code", code_expired: "code", code_malformed: "code", mobile_malformed: "mobile" };
  showSecondProof(answer);
  refuse(bySms, answer, { ...places, ...secondPlaces });
});

byId("mobile").addEventListener("blur", ({ target }) => (target.value = value(target)));
byId("consent").addEventListener("change", ({ target }) => fault(target, ""));
passwordSwitches();
