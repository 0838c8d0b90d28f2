// A row of the account page. It opens to a form, and closes when the form is saved.

import { byId, fault, onSubmit, refuse } from "./form.js";
import { say } from "./texts.js";

/** Clears a form and its errors. */
export function empty(form) {
  form.reset();
  for (const input of form.querySelectorAll("input")) fault(input, "");
}

/** Opens a row, and moves the focus to its first field. */
export function openRow(id) {
  const item = byId(`${id}-item`);
  item.open = true;
  const first = [...item.querySelectorAll("input")].find((input) => !input.closest("[hidden]"));
  (first || byId(`${id}-item-summary`)).focus();
}

/** Closes a row, shows the result in it, and moves the focus there, so that a screen reader reads it out. */
export function saved(id, words = say("saved")) {
  const item = byId(`${id}-item`);
  item.open = false;
  byId(`${id}-item-saved`).textContent = words;
  byId(`${id}-item-summary`).focus();
}

/** Sets up the form of a row, which closes after a success. `places` is as for `refuse`. */
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

// The result disappears when the row is opened again. A row's `toggle` event does not bubble, so it is captured.
document.addEventListener("toggle", ({ target }) => {
  const words = byId(`${target.id}-saved`);
  if (target.open && words) words.textContent = "";
}, { capture: true });
