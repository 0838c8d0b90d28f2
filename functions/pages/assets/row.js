// A row of the account page: it opens to a form, and closes when what is in it was saved.

import { byId, fault, onSubmit, refuse } from "./form.js";
import { say } from "./texts.js";

/** Empties a form, and what was said of it. */
export function empty(form) {
  form.reset();
  for (const input of form.querySelectorAll("input")) fault(input, "");
}

/** Closes a row, says in it what was done, and gives it the focus, which reads it out. */
export function saved(id, words = say("saved")) {
  const item = byId(`${id}-item`);
  item.open = false;
  byId(`${id}-item-saved`).textContent = words;
  byId(`${id}-item-summary`).focus();
}

/** The form of a row: it is sent, and when that was done the row closes. `places` are those of `refuse`. */
export function row(id, places, send, done) {
  const form = byId(`${id}-form`);
  onSubmit(form, async () => {
    const answer = await send();
    if (!answer.ok) return refuse(form, answer, places);
    empty(form);
    saved(id);
    await done(answer);
  });
}

// Until it is opened again. The event does not rise from a row.
document.addEventListener("toggle", ({ target }) => {
  const words = byId(`${target.id}-saved`);
  if (target.open && words) words.textContent = "";
}, { capture: true });
