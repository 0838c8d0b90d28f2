// The name that a person signed in with. A password manager keeps a password under it, and the account itself tells a
// page its number only in part.

const KEY = "account-name";

/** Keeps it for this tab. Where nothing can be kept, the fields stay empty and a password manager asks. */
export function keepAccountName(name) {
  try {
    sessionStorage.setItem(KEY, name);
  } catch {
    // Storage is blocked.
  }
}

function kept() {
  try {
    return sessionStorage.getItem(KEY) || "";
  } catch {
    return "";
  }
}

const masked = (name) => `${name.slice(0, 3)}****${name.slice(7)}`;

/** Whether a name is one of this account's: another person may have signed in since. */
function isOf(account, name) {
  if (masked(name) === account.mobile) return true;
  return [account.username, account.email].some((one) => one && one.toLowerCase() === name.toLowerCase());
}

/** Fills in every field that tells a password manager whose password it is. */
export function fillAccountNames(account) {
  const name = isOf(account, kept()) ? kept() : account.username || account.email || "";
  for (const input of document.querySelectorAll("[data-account-name]")) {
    input.value = name;
    // What a form is reset to.
    input.defaultValue = name;
  }
}
