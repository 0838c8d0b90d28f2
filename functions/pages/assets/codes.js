// The button that sends a code, and its resend cooldown. The cooldown and the challenge id survive a reload and are
// shared by all tabs, because people ask for a code in one tab and type it into another.

import { busy, fault, status, value } from "./form.js";
import { over, span } from "./span.js";
import { forAWhile } from "./storage.js";
import { say } from "./texts.js";

const COOLDOWN_MS = 60_000;
const CODE_LIFE_MS = 600_000;

/**
 * Returns sixteen bits of a number or another text (FNV-1a, folded). They suffice to notice another number, and are too few to tell
 * whose it is. A longer digest of eleven digits could be found by trying all, and it stays on a shared computer for a
 * while.
 */
export function markOf(number) {
  let hash = 0x811c9dc5;
  for (const character of number) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  return ((hash >>> 16) ^ hash) & 0xffff;
}

/** The challenge ids of this page. They remain valid when the clock is corrected while the code is on its way. */
const held = new Map();

/** Returns the challenge id of the code that was sent to a number. Nobody can guess at that code without it. */
export function challengeOf(name, mobile) {
  const kept = forAWhile.get(`code-${name}`);
  if (kept && kept.value.of === markOf(mobile)) return kept.value.id;
  const own = held.get(name);
  return own && own.mobile === mobile ? own.id : undefined;
}

function newChallenge() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Requests a code with a challenge id. The id is stored first, because the code may arrive although the answer is lost.
 */
export async function askForCode(name, mobile, ask) {
  const id = challengeOf(name, mobile) || newChallenge();
  held.set(name, { mobile, id });
  forAWhile.set(`code-${name}`, { of: markOf(mobile), id }, CODE_LIFE_MS);
  return ask(id);
}

/** Forgets the challenge id of a code that was used. */
export function codeUsed(name) {
  held.delete(name);
  forAWhile.remove(`code-${name}`);
}

/** Returns the rest of a wait in a suitable unit. */
const leftOf = (seconds) => {
  if (seconds < 90) return say("seconds", { n: seconds });
  if (seconds < 5400) return say("minutes", { n: Math.ceil(seconds / 60) });
  return say("hours", { n: Math.ceil(seconds / 3600) });
};

/**
 * Sets up a button that sends a code, and returns a function that starts the cooldown for a code that was sent
 * otherwise.
 *
 * `send` sends the code and returns the answer, or `undefined` if it was not ready to. `name` identifies this button's
 * cooldown. `recipient` is the field with the number, and `whose` the account whose own number is used: the cooldown
 * holds for that number or account alone. `refused` may add to the error. A wait is counted for a code's life at most.
 * After that the server decides again, because the person may be in another network by then, to which the limit does
 * not apply.
 */
export function codeButton(button, { name, input, recipient, whose = "", refused }, send) {
  const form = button.closest("form");
  const live = document.getElementById(`${button.id}-live`);
  const markNow = () => markOf(recipient ? value(recipient) : whose);
  let left = over;
  let timer;

  const count = () => {
    const seconds = Math.ceil(left() / 1000);
    button.disabled = seconds > 0 || button.hasAttribute("aria-busy");
    // The seconds are only shown. A screen reader hears of the start and the end.
    button.textContent = seconds > 0 ? leftOf(seconds) : say("send");
    if (seconds > 0 || !timer) return;
    clearInterval(timer);
    timer = undefined;
    live.textContent = say("sendAgain");
  };
  const resume = () => {
    const kept = forAWhile.get(`wait-${name}`);
    left = kept && kept.value === markNow() ? span(kept.left) : over;
    clearInterval(timer);
    timer = left() > 0 ? setInterval(count, 500) : undefined;
    count();
  };
  const begin = (milliseconds, mark) => {
    forAWhile.set(`wait-${name}`, mark, milliseconds);
    resume();
  };

  button.addEventListener("click", () =>
    busy(form, button, async () => {
      status(form, "");
      const mark = markNow();
      const answer = await send();
      if (!answer) return;
      if (answer.ok) {
        live.textContent = say("sent");
        fault(input, "");
        input.focus();
        begin(COOLDOWN_MS, mark);
      } else {
        live.textContent = "";
        fault(input, answer.message);
        input.focus();
        refused?.(answer);
        if (answer.code === "too_many_requests" && answer.seconds > 0) begin(Math.min(answer.seconds * 1000, CODE_LIFE_MS), mark);
      }
    }).then(count),
  );
  recipient?.addEventListener("input", () => {
    // The message was about another number.
    live.textContent = "";
    resume();
  });
  forAWhile.watch(`wait-${name}`, resume);
  resume();
  return () => begin(COOLDOWN_MS, markNow());
}
