// Forms: errors beside the field they belong to, progress, and no double submit.

import { say } from "./texts.js";

const SLOW_MS = 6_000;

export const byId = (id) => document.getElementById(id);

/** Shows what is wrong with a field, or clears it. */
export function fault(input, message) {
  const error = byId(`${input.id}-error`);
  if (error) error.textContent = message;
  if (message) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** Says something of the form as a whole. `kind` is "bad", "good" or nothing. */
export function status(form, message, kind = "") {
  const line = form.querySelector(".status");
  line.className = `status ${kind}`;
  line.textContent = message;
}

/** The way on, in the line that says what went wrong. It goes when that line says something else. */
export function offer(line, text, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link way";
  button.textContent = text;
  button.addEventListener("click", act);
  line.append(" ", button);
}

/** What people paste around and between digits: format characters, spaces and dashes of every kind. Full-width digits are digits. */
const withoutFillers = (text) => text.normalize("NFKC").replace(/[\p{Cf}\p{Pd}\p{Dash}\s]/gu, "");

/** The blanks that a keyboard adds at the ends of a name or an address. */
const trimmed = (text) => text.replace(/^[ \t\u00a0\u3000]+|[ \t\u00a0\u3000]+$/g, "");

/** A number as people paste it: without the country code and a trunk zero, where eleven digits remain. */
const numberOf = (text) => withoutFillers(text).replace(/[().]/g, "").replace(/^(?:(?:\+|00)?86)?0?(?=1\d{10}$)/, "");

export const isMobile = (text) => /^1[3-9]\d{9}$/.test(text);

/** How each kind of field is read. */
const readers = {
  mobile: numberOf,
  code: withoutFillers,
  name: trimmed,
  // A number, a username or an address.
  account: (text) => (isMobile(numberOf(text)) ? numberOf(text) : trimmed(text)),
};

/** The value of a field as it is sent. */
export function value(input) {
  const read = readers[input.dataset.kind];
  return read ? read(input.value) : input.value;
}

/** Whether every visible field is filled in well; the first that is not gets the focus. */
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

/** By the line that says so, what takes back that something could not be loaded. */
const failures = new Map();

/** Says why something could not be loaded. It is tried again by a button, and by itself when the network returns. */
export function retry(line, button, message, again) {
  loaded(line);
  const usual = line.textContent;
  line.textContent = message;
  button.hidden = false;
  const once = ({ type }) => {
    // The button goes, and must not take the focus along.
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

/** It was loaded after all, or is tried again: nothing is said of a failure any more. */
export function loaded(line) {
  failures.get(line)?.();
  failures.delete(line);
}

/** A field for a number: it is put in order when it is left, and told there if it is none. */
export function numberField(input) {
  input.addEventListener("blur", () => {
    input.value = value(input);
    if (input.value !== "" && !isMobile(input.value)) fault(input, say("mobile"));
  });
}

/**
 * What the server said, beside the fields it named, or below. `places` maps its names and codes to our fields.
 * Gives the line that it is said in.
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

/** While `work` runs the button shows it and nothing can be sent twice. */
export async function busy(form, button, work) {
  if (form.dataset.busy) return;
  form.dataset.busy = "yes";
  // Not disabled: it would lose the focus.
  button.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => status(form, say("slow")), SLOW_MS);
  try {
    await work();
  } finally {
    clearTimeout(slow);
    if (form.querySelector(".status")?.textContent === say("slow")) status(form, "");
    delete form.dataset.busy;
    button.removeAttribute("aria-busy");
    // A captcha that has gone takes the focus along.
    if (document.activeElement === document.body) button.focus({ preventScroll: true });
  }
}

/** Runs `work` when the form is sent and well filled in. Before that its button sends nothing: it would lose what was typed. */
export function onSubmit(form, work) {
  form.querySelector("button[type=submit]").disabled = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.dataset.busy) return;
    status(form, "");
    if (check(form)) busy(form, form.querySelector("button[type=submit]"), work);
  });
  // Before a field's own listeners, which may have something else to say of it.
  const clear = ({ target }) => target.getAttribute("aria-invalid") === "true" && fault(target, "");
  form.addEventListener("input", clear, { capture: true });
}

/** The switches that show a password. */
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

/** Tells the strength of a new password while it is typed. `person` gives what it should not hold. */
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
  // The event comes before the fields are emptied.
  input.form.addEventListener("reset", () => setTimeout(tell));
  // A browser may have kept what was typed.
  tell();
}
