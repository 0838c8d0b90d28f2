// The second proof, which an account that was unused for long requires beside a code by SMS. It is shown when the
// server asks for it.

import { byId, value } from "./form.js";

/** Returns the fields to add to a request. */
export function secondProof() {
  if (byId("second-proof").hidden) return {};
  return { email_code: value(byId("second-code")) || undefined, password: byId("second-password").value || undefined };
}

/** Shows the fields if the answer asks for them. */
export function showSecondProof(answer) {
  if (answer.code === "second_proof_required") byId("second-proof").hidden = false;
}

/** Maps the error codes of the second proof to its fields. */
export const secondPlaces = {
  proof_wrong: "second-password",
  confirm_code_wrong: "second-code",
  confirm_code_expired: "second-code",
};
