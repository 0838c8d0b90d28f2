// The button that sends a code, and its minute of waiting, which survives a reload.

import { busy, fault, status, value } from "./form.js";
import { say } from "./texts.js";

const INTERVAL_MS = 60_000;

/** The handle of the code that was sent to a number: nobody without it can guess at that code. It survives a reload. */
export function handleOf(name, mobile) {
  const [of, handle] = (sessionStorage.getItem(`handle-${name}`) || "").split(" ");
  return of === mobile ? handle : undefined;
}

function newHandle() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Asks for a code under the number's handle. It is kept before it is sent: an answer may be lost, and the code arrive. */
export async function askForCode(name, mobile, ask) {
  const handle = handleOf(name, mobile) || newHandle();
  sessionStorage.setItem(`handle-${name}`, `${mobile} ${handle}`);
  return ask(handle);
}

/** What is left of a wait, in the unit people think in. */
const leftOf = (seconds) => {
  if (seconds < 90) return say("seconds", { n: seconds });
  if (seconds < 5400) return say("minutes", { n: Math.ceil(seconds / 60) });
  return say("hours", { n: Math.ceil(seconds / 3600) });
};

/**
 * `send` sends and gives the answer, or nothing when it was not ready to. `name` tells this button's wait from others;
 * `recipient` gives the field with the number, where there is one: another number waits for nothing. `refused` may say more.
 * Gives what begins a wait for a code that was sent otherwise.
 */
export function codeButton(button, { name, input, recipient, refused }, send) {
  const form = button.closest("form");
  const live = document.getElementById(`${button.id}-live`);
  const whose = () => (recipient ? value(recipient) : "");
  let timer;

  const wait = () => {
    const [until, of] = (sessionStorage.getItem(`wait-${name}`) || "0 ").split(" ");
    const isTheirs = of === whose();
    return { isTheirs, left: isTheirs ? Math.ceil((Number(until) - Date.now()) / 1000) : 0 };
  };
  const count = () => {
    const { isTheirs, left } = wait();
    button.disabled = left > 0 || button.hasAttribute("aria-busy");
    // The seconds are for the eye; a screen reader is told of the start and the end alone.
    button.textContent = left > 0 ? leftOf(left) : say("send");
    if (left <= 0 && timer) {
      clearInterval(timer);
      timer = undefined;
      live.textContent = isTheirs ? say("sendAgain") : "";
    }
  };
  const begin = (milliseconds, of) => {
    sessionStorage.setItem(`wait-${name}`, `${Date.now() + milliseconds} ${of}`);
    resume();
  };
  const resume = () => {
    clearInterval(timer);
    timer = wait().left > 0 ? setInterval(count, 500) : undefined;
    count();
  };

  button.addEventListener("click", () =>
    busy(form, button, async () => {
      status(form, "");
      const of = whose();
      const answer = await send();
      if (!answer) return;
      if (answer.ok) {
        live.textContent = say("sent");
        fault(input, "");
        input.focus();
        begin(INTERVAL_MS, of);
      } else {
        live.textContent = "";
        fault(input, answer.message);
        input.focus();
        refused?.(answer);
        if (answer.code === "too_many_requests" && answer.seconds > 0) begin(answer.seconds * 1000, of);
      }
    }).then(count),
  );
  recipient?.addEventListener("input", () => {
    // It was said of another number.
    live.textContent = "";
    resume();
  });
  resume();
  return () => begin(INTERVAL_MS, whose());
}
