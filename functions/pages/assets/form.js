// Forms: errors beside their fields, progress, and no double submission.

import { say } from "./texts.js";

const SLOW_MS = 6_000;

export const byId = (id) => document.getElementById(id);

/** Shows the error of a field, or clears it. */
export function fault(input, message) {
  const error = byId(`${input.id}-error`);
  if (error) error.textContent = message;
  if (message) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** Shows a message for the whole form. `kind` is "bad", "good" or empty. */
export function status(form, message, kind = "") {
  const line = form.querySelector(".status");
  line.className = `status ${kind}`;
  line.textContent = message;
}

/** Adds a button to an error message that offers another way. It disappears with the message. */
export function offer(line, text, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link way";
  button.textContent = text;
  button.addEventListener("click", act);
  line.append(" ", button);
}

/**
 * Removes the format characters, spaces and dashes that people paste around and between digits. Makes full-width digits
 * ASCII.
 */
const withoutFillers = (text) => text.normalize("NFKC").replace(/[\p{Cf}\p{Pd}\p{Dash}\s]/gu, "");

/** Removes the blanks that a keyboard adds at the ends of a name or an address. */
const trimmed = (text) => text.replace(/^[ \t\u00a0\u3000]+|[ \t\u00a0\u3000]+$/g, "");

/** Normalizes a pasted mobile number: removes the country code and a trunk zero if eleven digits remain. */
const numberOf = (text) => withoutFillers(text).replace(/[().]/g, "").replace(/^(?:(?:\+|00)?86)?0?(?=1\d{10}$)/, "");

export const isMobile = (text) => /^1[3-9]\d{9}$/.test(text);

/** How the text of each kind of field is read. */
const readers = {
  mobile: numberOf,
  code: withoutFillers,
  name: trimmed,
  // A mobile number, a username or an email address.
  account: (text) => (isMobile(numberOf(text)) ? numberOf(text) : trimmed(text)),
};

/** Returns the value of a field as it is sent. */
export function value(input) {
  const read = readers[input.dataset.kind];
  return read ? read(input.value) : input.value;
}

/** Checks every visible field, and moves the focus to the first invalid one. */
export function check(form) {
  let first = null;
  for (const input of form.querySelectorAll("input")) {
    if (input.disabled || input.closest("[hidden], [data-unchecked]")) continue;
    const problem = problemOf(input);
    fault(input, problem);
    if (problem && !first) first = input;
  }
  first?.focus();
  return first === null;
}

function problemOf(input) {
  if (input.type === "checkbox") return input.required && !input.checked ? say(input.dataset.missing) : "";
  const text = value(input);
  if (input.required && text === "") return say("required");
  if (text === "") return "";
  if (input.dataset.kind === "mobile" && !isMobile(text)) return say("mobile");
  if (input.dataset.kind === "code" && !/^\d{6}$/.test(text)) return say("code");
  const missing = Number(input.dataset.least || 0) - [...text].length;
  if (missing > 0) return say("shorter", { n: missing });
  if (input.dataset.repeats && text !== byId(input.dataset.repeats).value) return say("differ");
  return "";
}

/** For each line that reports a failed loading: a function that takes the report back. */
const failures = new Map();

/** Reports a failed loading. A button repeats it, and so does the return of the network. */
export function retry(line, button, message, again) {
  loaded(line);
  const usual = line.textContent;
  line.textContent = message;
  button.hidden = false;
  const once = ({ type }) => {
    // The button disappears, so move the focus first.
    if (type === "click") line.focus();
    loaded(line);
    again();
  };
  button.addEventListener("click", once);
  addEventListener("online", once);
  failures.set(line, () => {
    removeEventListener("online", once);
    button.removeEventListener("click", once);
    button.hidden = true;
    line.textContent = usual;
  });
}

/** Takes back the report of a failed loading. */
export function loaded(line) {
  failures.get(line)?.();
  failures.delete(line);
}

/** Normalizes and checks the mobile number in a field when the field loses the focus. */
export function numberField(input) {
  input.addEventListener("blur", () => {
    input.value = value(input);
    if (input.value !== "" && !isMobile(input.value)) fault(input, say("mobile"));
  });
}

/**
 * Shows the errors of an answer beside the fields they belong to, or below the form. `places` maps the server's field
 * names and error codes to our fields. Returns the line that shows the first error.
 */
export function refuse(form, answer, places = {}) {
  let first = null;
  const beside = (input, message) => {
    fault(input, message);
    first = first || input;
  };
  for (const [name, message] of Object.entries(answer.fields)) {
    const input = byId(places[name] || name);
    if (input && form.contains(input)) beside(input, message);
  }
  const placed = byId(places[answer.code]);
  if (!first && placed && form.contains(placed)) beside(placed, answer.message);
  if (first) {
    status(form, "");
    first.focus();
    return byId(`${first.id}-error`);
  }
  status(form, answer.message, "bad");
  return form.querySelector(".status");
}

/** Runs `work`. Until it ends the button shows progress, and nothing can be sent twice. */
export async function busy(form, button, work) {
  if (form.dataset.busy) return;
  form.dataset.busy = "yes";
  // Not disabled, which would take the focus away.
  button.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => status(form, say("slow")), SLOW_MS);
  try {
    await work();
  } finally {
    clearTimeout(slow);
    if (form.querySelector(".status")?.textContent === say("slow")) status(form, "");
    delete form.dataset.busy;
    button.removeAttribute("aria-busy");
    // A closed captcha loses the focus.
    if (document.activeElement === document.body) button.focus({ preventScroll: true });
  }
}

/**
 * Runs `work` when the form is submitted and valid. The button is enabled only here: without this script a submission
 * would lose the input.
 */
export function onSubmit(form, work) {
  form.querySelector("button[type=submit]").disabled = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.dataset.busy) return;
    status(form, "");
    if (check(form)) busy(form, form.querySelector("button[type=submit]"), work);
  });
  // Runs before the field's own listeners, which may set another error.
  const clear = ({ target }) => target.getAttribute("aria-invalid") === "true" && fault(target, "");
  form.addEventListener("input", clear, { capture: true });
}

/** Sets up the buttons that show a password. */
export function passwordSwitches(root = document) {
  for (const button of root.querySelectorAll("button[data-shows]")) {
    const input = byId(button.dataset.shows);
    const show = (shown) => {
      input.type = shown ? "text" : "password";
      button.textContent = say(shown ? "hide" : "show");
    };
    button.addEventListener("click", () => show(input.type === "password"));
    input.form.addEventListener("reset", () => show(false));
  }
}

/** Shows the strength of a new password while it is typed. `person` returns the texts that it should not contain. */
export function strength(input, person = () => []) {
  const meter = byId(`${input.id}-meter`);
  const words = byId(`${input.id}-strength`);
  const least = Number(input.dataset.least);
  const tell = () => {
    const length = [...input.value].length;
    const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{Nd}/u, /[^\p{L}\p{Nd}]/u, /\p{Lo}/u].filter((kind) => kind.test(input.value)).length;
    const distinct = new Set(input.value).size;
    const personal = person().some((text) => text.length > 1 && input.value.includes(text));
    let level = 0;
    if (length >= least) level = personal || distinct < 5 ? 1 : length + 3 * kinds >= 20 ? 3 : length + 3 * kinds >= 14 ? 2 : 1;
    meter.dataset.level = level;
    meter.firstElementChild.style.width = `${length === 0 ? 0 : Math.max(12, level * 33.4)}%`;
    if (length === 0) words.textContent = "";
    else if (length < least) words.textContent = say("shorter", { n: least - length });
    else words.textContent = personal ? say("personal") : say(["weak", "weak", "fair", "strong"][level]);
  };
  input.addEventListener("input", tell);
  // The event comes before the fields are cleared.
  input.form.addEventListener("reset", () => setTimeout(tell));
  // A browser may have restored the input.
  tell();
}
