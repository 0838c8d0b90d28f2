// The rules for the scripts of the pages. The scripts are not translated for older browsers, but run as they are
// written.

import { readFileSync } from "node:fs";

import js from "@eslint/js";
import compat from "eslint-plugin-compat";
import es from "eslint-plugin-es-x";
import globals from "globals";

const { browserslist } = JSON.parse(readFileSync(new URL("package.json", import.meta.url)));

/**
 * Features that the oldest browsers lack and the plugins do not know: static methods of the web platform, and members of
 * elements and events. The type of an object is not known here, so the name of the member decides.
 */
const MEMBERS = {
  "AbortSignal.abort": "Safari 15",
  "AbortSignal.any": "Safari 17.4",
  "AbortSignal.timeout": "Safari 16",
  "Response.json": "Safari 17",
  "URL.canParse": "Safari 17",
  "URL.parse": "Safari 18",
  checkVisibility: "Safari 17.4",
  inert: "Safari 15.5",
  replaceChildren: "Chrome 86",
  requestSubmit: "Safari 16",
  setHTMLUnsafe: "Safari 17.4",
  showModal: "Safari 15.4",
  showPicker: "Safari 16",
  showPopover: "Safari 17",
  submitter: "Safari 15.4",
  throwIfAborted: "Safari 15.4",
};

const restricted = Object.entries(MEMBERS).map(([name, since]) => {
  const [property, object] = name.split(".").reverse();
  return { ...(object && { object }), property, message: `Not before ${since}.` };
});

export default [
  js.configs.recommended,
  compat.configs["flat/recommended"],
  es.configs["flat/restrict-to-es2020"],
  {
    languageOptions: { sourceType: "module", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    settings: {
      browsers: browserslist,
      // A method of an object whose type is unknown counts too: `text.replaceAll` is recognized by its name alone.
      "es-x": { aggressive: true },
    },
    rules: {
      "no-restricted-properties": ["error", ...restricted],
      // Newer than ES2020, but all supported browsers know it.
      "es-x/no-numeric-separators": "off",
      // Safari 14.0 lacks both (ES2018, ES2020), and Firefox 78 lacks the second.
      "es-x/no-regexp-lookbehind-assertions": "error",
      "es-x/no-export-ns-from": "error",
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  {
    // guard.js runs before all other scripts and reports their failures, so it uses only what the oldest browsers
    // understand.
    files: ["**/guard.js"],
    ...es.configs["flat/restrict-to-es5"],
    languageOptions: { sourceType: "script", ecmaVersion: 5 },
  },
  { files: ["**/guard.js"], rules: { "no-var": "off", "prefer-const": "off" } },
];
