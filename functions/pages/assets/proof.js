// The fields that prove who asks: the password, or a code to the account's own number.

import { codeButton } from "./codes.js";
import { byId, passwordSwitches, value } from "./form.js";
import { callSignedIn } from "./session.js";

/** Fills every place for a proof. Who has no password is asked for a code at once. */
export function fillProofs(hasPassword) {
  for (const place of document.querySelectorAll("[data-proof]")) {
    place.textContent = "";
    place.append(byId("proof").content.cloneNode(true));
    for (const element of place.querySelectorAll("*")) {
      for (const attribute of element.attributes) {
        if (attribute.value.includes("ID-")) attribute.value = attribute.value.replace(/ID-/g, `${place.id}-`);
      }
    }
    const show = (by) => {
      for (const part of place.querySelectorAll("[data-by]")) part.hidden = part.dataset.by !== by;
    };
    for (const button of place.querySelectorAll("[data-other]")) {
      button.hidden = !hasPassword;
      button.addEventListener("click", () => show(button.dataset.other));
    }
    show(hasPassword ? "password" : "code");
    passwordSwitches(place);
    const send = byId(`${place.id}-code-send`);
    codeButton(send, { name: "proof", input: byId(`${place.id}-code`) }, () => callSignedIn("POST", "/users/me/sms/", { body: {} }));
  }
}

/** What a proof adds to a body. `codeName` is what the code is called there. */
export function proofOf(id, codeName = "sms_code") {
  const code = byId(`${id}-code`);
  return code.closest("[hidden]") ? { password: byId(`${id}-password`).value } : { [codeName]: value(code) };
}

/** Where what is said of a proof is shown. */
export function placesOf(id, codeName = "sms_code") {
  const code = `${id}-code`;
  const places = { proof_wrong: `${id}-password`, confirm_code_wrong: code, confirm_code_expired: code };
  if (codeName === "sms_code") Object.assign(places, { code_wrong: code, code_expired: code, code_malformed: code });
  return places;
}
