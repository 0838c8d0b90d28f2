// The name that a person signed in with. A password manager keeps a password under it, and the API shows a page only
// part of the account's number.

import { ACCOUNT_NAME, tab } from "./storage.js";

export const keepAccountName = (name) => tab.set(ACCOUNT_NAME, name);

const masked = (name) => `${name.slice(0, 3)}****${name.slice(7)}`;

/** Returns whether a name is one of this account's. Another person may have signed in since. */
function isOf(account, name) {
  if (masked(name) === account.mobile) return true;
  return [account.username, account.email].some((one) => one && one.toLowerCase() === name.toLowerCase());
}

/** Fills in every field that tells a password manager the account name. */
export function fillAccountNames(account) {
  const kept = tab.get(ACCOUNT_NAME);
  const name = isOf(account, kept) ? kept : account.username || account.email || "";
  for (const input of document.querySelectorAll("[data-account-name]")) {
    input.value = name;
    // A reset of the form restores this value.
    input.defaultValue = name;
  }
}
