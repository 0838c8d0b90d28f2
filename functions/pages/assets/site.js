// The parts of every page: the language switch, the banners for a lost network and missing cookies, and the mark that
// the page's scripts run.

import { cookiesWork, setCookie, tab } from "./storage.js";
import { english } from "./texts.js";

/** Marks that the page's own script has run to its end, so that the trouble banner stays hidden. */
export const ready = () => document.documentElement.setAttribute("data-ready", "");

/** The fields that a language switch keeps. Passwords are not among them. */
const TYPED = "input:not([autocomplete*=password])";

document.getElementById("language").addEventListener("click", () => {
  setCookie("lang", english ? "zh" : "en", 31_536_000);
  const typed = [...document.querySelectorAll(TYPED)].map((input) => [input.id, input.type === "checkbox" ? input.checked : input.value]);
  tab.set("typed", JSON.stringify({ path: location.pathname, typed }));
  location.reload();
});

// Restores the input from before the switch. The page's own script is loaded by then and gets the events.
addEventListener("DOMContentLoaded", () => {
  const kept = JSON.parse(tab.get("typed") || "{}");
  tab.remove("typed");
  if (kept.path !== location.pathname) return;
  for (const [id, what] of kept.typed) {
    const input = document.getElementById(id);
    const [property, event] = input?.type === "checkbox" ? ["checked", "change"] : ["value", "input"];
    if (!input || input[property] === what) continue;
    input[property] = what;
    input.dispatchEvent(new Event(event, { bubbles: true }));
  }
});

// The other pages on the way to a sign-in keep the page to go to afterwards.
const next = new URLSearchParams(location.search).get("next");
if (next) for (const link of document.querySelectorAll("p.aside a, .split a, nav.tabs a, #done a")) link.search = `?next=${encodeURIComponent(next)}`;

// Adds no entry to the tab's history, because a page may need the state of the present one.
document.querySelector("a.skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});

// A page restored from the browser's cache may still be busy, or show whose password is being set. (session.js handles
// a changed session.)
addEventListener("pageshow", ({ persisted }) => {
  if (persisted && document.querySelector("[data-busy], #whose:not(:empty)")) location.reload();
});

document.getElementById("cookies").hidden = cookiesWork();

const banner = document.getElementById("offline");
const show = () => (banner.hidden = navigator.onLine);
addEventListener("online", show);
addEventListener("offline", show);
show();
