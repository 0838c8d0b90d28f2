// Reauthentication tokens. One stands for a sign-in, a password or a code given a moment ago, so that nobody is asked
// again for five minutes. It is kept for this tab alone, and survives a reload.

import { tab } from "./storage.js";

const KEY = "reauthentication";
// It is valid for five minutes by the server's clock, counted from before its answer was sent.
const LIFE_MS = 290_000;

let changed = () => {};

/** Returns the token that is valid in this session, with the rest of its life in milliseconds. */
export function reauthentication(session) {
  const kept = JSON.parse(tab.get(KEY) || "{}");
  const left = session && kept.session === session ? kept.until - Date.now() : 0;
  return left > 0 ? { value: kept.value, left: Math.min(left, LIFE_MS) } : undefined;
}

export function keepReauthentication(value, session) {
  tab.set(KEY, JSON.stringify({ value, session, until: Date.now() + LIFE_MS }));
  changed();
}

export function dropReauthentication() {
  tab.remove(KEY);
  changed();
}

/** Calls `show` whenever the token is replaced or removed. */
export const onReauthentication = (show) => (changed = show);
