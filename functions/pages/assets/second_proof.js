// What proves, beside a code by SMS, that an account which was long unused is one's own: shown when the server asks.

import { byId, value } from "./form.js";

/** What it adds to a body. */
export function secondProof() {
  if (byId("second-proof").hidden) return {};
  return { email_code: value(byId("second-code")) || undefined, password: byId("second-password").value || undefined };
}

/** Shows the fields, where the answer asks for them. */
export function showSecondProof(answer) {
  if (answer.code === "second_proof_required") byId("second-proof").hidden = false;
}

/** Where what is said of it is shown. */
export const secondPlaces = {
  proof_wrong: "second-password",
  confirm_code_wrong: "second-code",
  confirm_code_expired: "second-code",
};
