// The name that a person signed in with. A password manager keeps a password under it, and the account itself tells a
// page its number only in part.

import { ACCOUNT_NAME, tab } from "./storage.js";

/** Keeps it for this tab. */
export const keepAccountName = (name) => tab.set(ACCOUNT_NAME, name);

const masked = (name) => `${name.slice(0, 3)}****${name.slice(7)}`;

/** Whether a name is one of this account's: another person may have signed in since. */
function isOf(account, name) {
  if (masked(name) === account.mobile) return true;
  return [account.username, account.email].some((one) => one && one.toLowerCase() === name.toLowerCase());
}

/** Fills in every field that tells a password manager whose password it is. */
export function fillAccountNames(account) {
  const kept = tab.get(ACCOUNT_NAME);
  const name = isOf(account, kept) ? kept : account.username || account.email || "";
  for (const input of document.querySelectorAll("[data-account-name]")) {
    input.value = name;
    // What a form is reset to.
    input.defaultValue = name;
  }
}
