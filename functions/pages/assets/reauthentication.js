// What stands for the proof that a sign-in or a password or code of a moment ago was: for five minutes nobody is asked
// again who they are. It outlives a reload and not the tab.

const NAME = "reauthentication";
// It is good for five minutes by the server's clock, from before its answer was under way.
const LIFE_MS = 290_000;

// Where storage is blocked.
let memory = null;
let changed = () => {};

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(NAME)) || memory;
  } catch {
    return memory;
  }
}

function write(kept) {
  memory = kept;
  try {
    if (kept) sessionStorage.setItem(NAME, JSON.stringify(kept));
    else sessionStorage.removeItem(NAME);
  } catch {
    // It is kept in memory.
  }
  changed();
}

/** The one that is good in this session, with the milliseconds that are left of it. */
export function reauthentication(session) {
  const kept = read();
  const left = kept && session && kept.session === session ? kept.until - Date.now() : 0;
  return left > 0 ? { value: kept.value, left } : undefined;
}

export const keepReauthentication = (value, session) => write({ value, session, until: Date.now() + LIFE_MS });

export const dropReauthentication = () => write(null);

/** Calls `show` whenever there is another one, or none any more. */
export const onReauthentication = (show) => (changed = show);
