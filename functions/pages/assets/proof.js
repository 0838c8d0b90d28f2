// Proving who asks: by a reauthentication while there is a good one, else by the password or a code to the account's own
// number. Those are exchanged for a reauthentication first, so that one code does for all that is done in five minutes.

import { refusal } from "./api.js";
import { codeButton } from "./codes.js";
import { byId, fault, passwordSwitches, value } from "./form.js";
import { dropReauthentication, keepReauthentication, onReauthentication, reauthentication } from "./reauthentication.js";
import { callSignedIn, sessionId } from "./session.js";

const places = () => document.querySelectorAll("[data-proof]");
const current = () => reauthentication(sessionId());
let expiry;

/** Shows the fields of every place, or hides them while nobody needs them. What was typed beside them stays. */
function show() {
  const good = current();
  for (const place of places()) place.hidden = Boolean(good);
  clearTimeout(expiry);
  if (good) expiry = setTimeout(expire, good.left);
}

/** It is over. In a row that is open, fields that come by themselves would move what is being typed in: there they come
 * when it is sent. */
function expire() {
  for (const place of places()) place.hidden = place.closest("details").open;
}

/** Fills every place for a proof of this account (`whose`). Who has no password is asked for a code at once. */
export function fillProofs(whose, hasPassword) {
  for (const place of places()) {
    place.textContent = "";
    place.append(byId("proof").content.cloneNode(true));
    for (const element of place.querySelectorAll("*")) {
      for (const attribute of element.attributes) {
        if (attribute.value.includes("ID-")) attribute.value = attribute.value.replace(/ID-/g, `${place.id}-`);
      }
    }
    const choose = (by) => {
      for (const part of place.querySelectorAll("[data-by]")) part.hidden = part.dataset.by !== by;
    };
    for (const button of place.querySelectorAll("[data-other]")) {
      button.hidden = !hasPassword;
      button.addEventListener("click", () => {
        choose(button.dataset.other);
        fieldOf(place.id).focus();
      });
    }
    choose(hasPassword ? "password" : "code");
    passwordSwitches(place);
    const send = byId(`${place.id}-code-send`);
    codeButton(send, { name: "proof", input: byId(`${place.id}-code`), whose }, () => callSignedIn("POST", "/users/me/sms/", { body: {} }));
  }
  onReauthentication(show);
  show();
}

/** The field of a place that is in use. */
const fieldOf = (id) => byId(byId(`${id}-code`).closest("[data-by]").hidden ? `${id}-password` : `${id}-code`);

/** Sends what needs a proof, and first the proof itself where the fields of the place ask for one. */
export async function callProved(id, method, path, body = {}) {
  if (!current()) {
    const refused = byId(id).hidden ? askAgain(id) : await prove(id);
    if (refused) return refused;
  }
  const send = () => callSignedIn(method, path, { body: { ...body, reauthentication: current()?.value } });
  const answer = await send();
  if (answer.code === "reauthentication_refused") {
    dropReauthentication();
    askAgain(id);
  }
  return answer;
}

/** Exchanges what the fields hold. Gives the answer that refused it. */
async function prove(id) {
  const field = fieldOf(id);
  const proof = field.id === `${id}-code` ? { sms_code: value(field) } : { password: field.value };
  const answer = await callSignedIn("POST", "/users/me/reauthenticate/", { body: proof });
  // What is said of this code is not said of another in the form.
  if (!answer.ok) return { ...answer, code: answer.code.replace(/^code_/, "confirm_code_") };
  field.value = "";
  fault(field, "");
  keepReauthentication(answer.body.reauthentication, sessionId());
  return undefined;
}

/** The fields are needed after all. */
function askAgain(id) {
  show();
  fieldOf(id).focus();
  return refusal("reauthentication_refused");
}

/** Where what is said of a proof is shown. */
export function placesOf(id) {
  const code = `${id}-code`;
  const ofCode = { confirm_code_wrong: code, confirm_code_expired: code, confirm_code_malformed: code };
  return { proof_wrong: `${id}-password`, ...ofCode };
}
