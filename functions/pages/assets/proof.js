// Reauthentication: by a token while one is valid, otherwise by the password or a code to the account's own number.
// These are exchanged for a token first, so that one code suffices for every action in five minutes.

import { refusal } from "./api.js";
import { codeButton } from "./codes.js";
import { byId, fault, passwordSwitches, value } from "./form.js";
import { dropReauthentication, keepReauthentication, onReauthentication, reauthentication } from "./reauthentication.js";
import { callSignedIn, sessionId } from "./session.js";

const places = () => document.querySelectorAll("[data-proof]");
const current = () => reauthentication(sessionId());
let expiry;

/** Shows the fields in every place, or hides them while they are not needed. The rest of the form keeps its input. */
function show() {
  const good = current();
  for (const place of places()) place.hidden = Boolean(good);
  clearTimeout(expiry);
  if (good) expiry = setTimeout(expire, good.left);
}

/**
 * The token has expired. In an open row, appearing fields would move the ones that somebody is typing in. There they
 * appear when the form is sent.
 */
function expire() {
  for (const place of places()) place.hidden = place.closest("details").open;
}

/** Fills every place with the fields for this account. An account without a password is asked for a code at once. */
export function fillProofs({ id: whose, has_password: hasPassword, mobile }) {
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
      button.hidden = !hasPassword || !mobile;
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

/** Returns the field of a place that is in use. */
const fieldOf = (id) => byId(byId(`${id}-code`).closest("[data-by]").hidden ? `${id}-password` : `${id}-code`);

/** Sends a request that needs reauthentication. If the fields are needed, reauthenticates with them first. */
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

/** Exchanges the password or code in the fields for a token. Returns the answer if it is a refusal. */
async function prove(id) {
  const field = fieldOf(id);
  const proof = field.id === `${id}-code` ? { sms_code: value(field) } : { password: field.value };
  const answer = await callSignedIn("POST", "/users/me/reauthenticate/", { body: proof });
  // The error must not be shown beside another code in the form.
  if (!answer.ok) return { ...answer, code: answer.code.replace(/^code_/, "confirm_code_") };
  field.value = "";
  fault(field, "");
  keepReauthentication(answer.body.reauthentication, sessionId());
  return undefined;
}

/** Shows the fields again. */
function askAgain(id) {
  show();
  fieldOf(id).focus();
  return refusal("reauthentication_refused");
}

/** Maps the error codes of a reauthentication to the fields of a place. */
export function placesOf(id) {
  const code = `${id}-code`;
  const ofCode = { confirm_code_wrong: code, confirm_code_expired: code, confirm_code_malformed: code };
  return { proof_wrong: `${id}-password`, ...ofCode };
}
