// What a browser keeps for its pages. It may refuse to keep anything: by a setting, in a private window, in the frame of
// an app. Then everything lasts as long as the page, and what works without does work.

/** A store by its name; in memory, where the browser gives none. */
function guarded(name) {
  const memory = new Map();
  const safely = (act) => {
    try {
      return act(window[name]);
    } catch {
      return undefined;
    }
  };
  return {
    get: (key) => (memory.has(key) ? memory.get(key) : safely((store) => store.getItem(key)) || ""),
    set(key, value) {
      memory.set(key, value);
      // What is kept is read from the store from then on: another tab may change it.
      if (safely((store) => (store.setItem(key, value), store.getItem(key))) === value) memory.delete(key);
    },
    remove(key) {
      memory.delete(key);
      safely((store) => store.removeItem(key));
    },
    keys: () => safely((store) => Object.keys(store)) || [],
  };
}

/** Kept for this tab alone. */
export const tab = guarded("sessionStorage");

/** What is kept there of the person who is signed in; it goes when they sign out. */
export const ACCOUNT_NAME = "account-name";
export const PENDING_EMAIL = "pending-email";
export const PERSONAL = [ACCOUNT_NAME, PENDING_EMAIL];

const shared = guarded("localStorage");
const PREFIX = "for-a-while:";

/** What all tabs of this site share for a while, and no longer. */
export const forAWhile = {
  set(name, value, milliseconds) {
    const end = Date.now() + milliseconds;
    shared.set(PREFIX + name, JSON.stringify({ value, milliseconds, end }));
  },

  /** The value, and what is left of its time; nothing when that is over. */
  get(name) {
    const kept = parsed(shared.get(PREFIX + name));
    const left = kept ? kept.end - Date.now() : 0;
    if (!(left > 0)) {
      this.remove(name);
      return null;
    }
    if (left <= kept.milliseconds) return { value: kept.value, left };
    // The clock was set back meanwhile: it does not last longer for that.
    this.set(name, kept.value, kept.milliseconds);
    return { value: kept.value, left: kept.milliseconds };
  },

  remove: (name) => shared.remove(PREFIX + name),

  /** Calls `changed` when another tab changes this one. */
  watch(name, changed) {
    addEventListener("storage", ({ key }) => (key === null || key === PREFIX + name) && changed());
  },
};

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// Nothing stays on a shared computer longer than it is good for, if any page of the site is opened there again.
for (const key of shared.keys()) if (key.startsWith(PREFIX)) forAWhile.get(key.slice(PREFIX.length));

/** A cookie's value. A page in a frame without rights may not even ask. */
export function cookie(name) {
  try {
    const found = document.cookie.split("; ").find((one) => one.startsWith(`${name}=`));
    return found ? found.slice(name.length + 1) : "";
  } catch {
    return "";
  }
}

/** Sets a cookie for so many seconds; without them it goes with the browser's session. */
export function setCookie(name, value, seconds) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const life = seconds === undefined ? "" : `; Max-Age=${seconds}`;
  try {
    document.cookie = `${name}=${value}; Path=/; SameSite=Lax${secure}${life}`;
  } catch {
    // It is not kept.
  }
}

/** Whether the browser keeps cookies at all. */
export function cookiesWork() {
  setCookie("probe", "1", 60);
  const works = cookie("probe") === "1";
  if (works) setCookie("probe", "", 0);
  return works;
}
