// Storage in the browser. A setting, a private window or an app's frame may forbid it. Then everything lasts as long as
// the page, and whatever works without storage does work.

/** Wraps a store. Keeps the values in memory where the browser provides none. */
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
      // A stored value is read from the store from then on, because another tab may change it.
      if (safely((store) => (store.setItem(key, value), store.getItem(key))) === value) memory.delete(key);
    },
    remove(key) {
      memory.delete(key);
      safely((store) => store.removeItem(key));
    },
    keys: () => safely((store) => Object.keys(store)) || [],
  };
}

/** Storage for this tab alone. */
export const tab = guarded("sessionStorage");

/** Keys of the signed-in person's data. They are removed at sign-out. */
export const ACCOUNT_NAME = "account-name";
export const PENDING_EMAIL = "pending-email";
export const PERSONAL = [ACCOUNT_NAME, PENDING_EMAIL];

const shared = guarded("localStorage");
const PREFIX = "for-a-while:";

/** Values that all tabs of this site share for a limited time. */
export const forAWhile = {
  set(name, value, milliseconds) {
    const end = Date.now() + milliseconds;
    shared.set(PREFIX + name, JSON.stringify({ value, milliseconds, end }));
  },

  /** Returns the value and the rest of its time, or `null` when that is over. */
  get(name) {
    const kept = parsed(shared.get(PREFIX + name));
    const left = kept ? kept.end - Date.now() : 0;
    if (!(left > 0)) {
      this.remove(name);
      return null;
    }
    if (left <= kept.milliseconds) return { value: kept.value, left };
    // The clock was set back. That must not make the value last longer.
    this.set(name, kept.value, kept.milliseconds);
    return { value: kept.value, left: kept.milliseconds };
  },

  remove: (name) => shared.remove(PREFIX + name),

  /** Calls `changed` when another tab changes this value. */
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

// Nothing must stay on a shared computer after its time. This runs when any page of the site is opened.
for (const key of shared.keys()) if (key.startsWith(PREFIX)) forAWhile.get(key.slice(PREFIX.length));

/** Returns a cookie's value. In a frame without rights, even reading cookies throws. */
export function cookie(name) {
  try {
    const found = document.cookie.split("; ").find((one) => one.startsWith(`${name}=`));
    return found ? found.slice(name.length + 1) : "";
  } catch {
    return "";
  }
}

/** Sets a cookie for a number of seconds. Without a number it ends with the browser's session. */
export function setCookie(name, value, seconds) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const life = seconds === undefined ? "" : `; Max-Age=${seconds}`;
  try {
    document.cookie = `${name}=${value}; Path=/; SameSite=Lax${secure}${life}`;
  } catch {
    // The browser keeps no cookies.
  }
}

/** Returns whether the browser keeps cookies. */
export function cookiesWork() {
  setCookie("probe", "1", 60);
  const works = cookie("probe") === "1";
  if (works) setCookie("probe", "", 0);
  return works;
}
