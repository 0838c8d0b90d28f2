// The second proof, which the account of a number that was not confirmed for long requires beside a code by SMS. It is
// shown when the server asks for it, with the way for a person to whom the number is new.

import { byId, fault, value } from "./form.js";

const mobile = byId("mobile");
const fields = [byId("second-password"), byId("second-code")];
const parts = document.querySelectorAll("[data-second-proof]");
// The number whose account requires it.
let whose = "";

/** Returns the fields to add to a request. */
export function secondProof() {
  if (byId("second-proof").hidden) return {};
  return { email_code: value(byId("second-code")) || undefined, password: byId("second-password").value || undefined };
}

/**
 * Shows the fields if the answer to a request for this number asks for them. Returns whether they have just appeared:
 * then they say themselves what is missing.
 */
export function showSecondProof(answer, number) {
  // Another number may have been typed since.
  if (answer.code !== "second_proof_required" || number !== value(mobile)) return false;
  whose = number;
  if (!byId("second-proof").hidden) return false;
  for (const part of parts) part.hidden = false;
  // They appear above the button that was pressed.
  byId("second-proof-text").focus();
  return true;
}

export function hideSecondProof() {
  for (const part of parts) part.hidden = true;
  for (const field of fields) {
    field.value = "";
    fault(field, "");
  }
}

// Another number has another account: neither the fields nor the way to a new account were about that one.
mobile.addEventListener("input", () => {
  if (!byId("second-proof").hidden && value(mobile) !== whose) hideSecondProof();
});

/** Maps the error codes of the second proof to its fields. */
export const secondPlaces = {
  proof_wrong: "second-password",
  confirm_code_wrong: "second-code",
  confirm_code_expired: "second-code",
};
