// What every page has: the switch of language, word of a lost network and of missing cookies, and the mark that the
// page's scripts run.

import { cookiesWork, setCookie, tab } from "./storage.js";
import { english } from "./texts.js";

/** The page's own script has run to its end: nothing need be said of it. */
export const ready = () => document.documentElement.setAttribute("data-ready", "");

/** What a switch of language keeps: no password. */
const TYPED = "input:not([autocomplete*=password])";

document.getElementById("language").addEventListener("click", () => {
  setCookie("lang", english ? "zh" : "en", 31_536_000);
  const typed = [...document.querySelectorAll(TYPED)].map((input) => [input.id, input.type === "checkbox" ? input.checked : input.value]);
  tab.set("typed", JSON.stringify({ path: location.pathname, typed }));
  location.reload();
});

// What was typed before the switch. The page's own script is there by then and hears of it.
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

// Where to go after signing in goes along to the other pages on the way there.
const next = new URLSearchParams(location.search).get("next");
if (next) for (const link of document.querySelectorAll("p.aside a, .split a, nav.tabs a, #done a")) link.search = `?next=${encodeURIComponent(next)}`;

// Without another entry in the tab's history, whose state a page may need.
document.querySelector("a.skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});

// A page that comes back as it was left may still be at work, or show whose password is being set. (Who is signed in is
// the session's matter.)
addEventListener("pageshow", ({ persisted }) => {
  if (persisted && document.querySelector("[data-busy], #whose:not(:empty)")) location.reload();
});

document.getElementById("cookies").hidden = cookiesWork();

const banner = document.getElementById("offline");
const show = () => (banner.hidden = navigator.onLine);
addEventListener("online", show);
addEventListener("offline", show);
show();
