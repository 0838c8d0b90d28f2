// A reauthentication stands for the proof that a sign-in, or a password or code of a moment ago, was: for five minutes
// nobody is asked again who they are. It is kept for this tab alone, where it outlives a reload.

import { tab } from "./storage.js";

const KEY = "reauthentication";
// It is good for five minutes by the server's clock, from before its answer was under way.
const LIFE_MS = 290_000;

let changed = () => {};

/** The one that is good in this session, with the milliseconds that are left of it. */
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

/** Calls `show` whenever there is another one, or none any more. */
export const onReauthentication = (show) => (changed = show);
