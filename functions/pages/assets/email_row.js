// Binding an email: a code is mailed to the address and typed in here. This tab keeps the address until the code has
// expired, because people leave to read their mail, and a phone then reloads the page.

import { codeButton } from "./codes.js";
import { byId, fault, onSubmit, refuse, value } from "./form.js";
import { callProved, placesOf } from "./proof.js";
import { empty, saved } from "./row.js";
import { callSignedIn } from "./session.js";
import { PENDING_EMAIL, tab } from "./storage.js";
import { say } from "./texts.js";

const CODE_MS = 600_000;

/**
 * Returns the address that waits for its code. It belongs to one account: another person may have signed in in this
 * tab.
 */
function pendingOf(account) {
  const pending = JSON.parse(tab.get(PENDING_EMAIL) || "{}");
  return pending.account === account && Date.now() < pending.until ? pending.email : "";
}

function keep(pending) {
  if (pending) tab.set(PENDING_EMAIL, JSON.stringify(pending));
  else tab.remove(PENDING_EMAIL);
}

export function emailRow(account, done) {
  const [form, codeForm, again] = [byId("email-form"), byId("email-code-form"), byId("email-again")];
  const [email, code] = [byId("email"), byId("email-code")];

  /** Shows the step of the code or the step of the address. */
  const step = (isCode) => {
    form.hidden = isCode;
    codeForm.hidden = !isCode;
    again.hidden = true;
    byId("email-sent-to").textContent = isCode ? say("codeMailedTo", { email: value(email) }) : "";
  };
  const ask = (proof) => callProved(proof, "POST", "/users/me/email/", { email: value(email) });
  const sent = () => {
    keep({ account, email: value(email), until: Date.now() + CODE_MS });
    for (const input of document.querySelectorAll("#email-proof input, #email-again-proof input")) input.value = "";
  };

  const beginWait = codeButton(byId("email-code-send"), { name: "email", input: code, recipient: email, refused }, async () => {
    // The reauthentication fields in it are hidden while a token is valid. Then nothing has to be filled in.
    again.hidden = false;
    const missing = [...again.querySelectorAll("input")].find((input) => !input.closest("[hidden]") && value(input) === "");
    if (missing) {
      missing.focus();
      return undefined;
    }
    const answer = await ask("email-again-proof");
    if (answer.ok) sent();
    again.hidden = answer.ok;
    return answer;
  });

  /** Handles the refusal of another code. An error of the reauthentication is shown beside its fields. */
  function refused(answer) {
    const places = placesOf("email-again-proof");
    if (!places[answer.code]) return;
    fault(code, "");
    refuse(codeForm, answer, places);
  }

  onSubmit(form, async () => {
    const answer = await ask("email-proof");
    if (!answer.ok) return refuse(form, answer, { ...placesOf("email-proof"), email_malformed: "email" });
    sent();
    step(true);
    beginWait();
    code.focus();
  });

  onSubmit(codeForm, async () => {
    const answer = await callSignedIn("PUT", "/users/me/email/", { body: { email: value(email), email_code: value(code) } });
    if (answer.ok) {
      keep(null);
      empty(codeForm);
      empty(form);
      step(false);
      saved("email");
      return done(answer.body.email);
    }
    if (answer.code === "email_taken") {
      other();
      return refuse(form, answer, { email_taken: "email" });
    }
    // The code can no longer be used, so a reload leads back to the address.
    if (answer.code === "code_expired") keep(null);
    refuse(codeForm, answer, { code_wrong: "email-code", code_expired: "email-code", code_malformed: "email-code" });
  });

  function other() {
    keep(null);
    empty(codeForm);
    step(false);
    email.focus();
  }
  byId("email-other").addEventListener("click", other);

  const pending = pendingOf(account);
  if (!pending) return;
  email.value = pending;
  // The button's cooldown depends on the address.
  email.dispatchEvent(new Event("input"));
  step(true);
  byId("email-item").open = true;
}
