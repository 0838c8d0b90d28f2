// Calls to the API. Every answer becomes { ok, status, body, code, message, fields, seconds }. `message` and `fields`
// are the page's own texts for the error code. The server's texts are partly those for older clients, and are used only
// for a code that this page does not know.

import { english, hasError, say, wait } from "./texts.js";

const PATIENCE_MS = 30_000;

/**
 * Asks for cookie mode: the session is in this browser's cookie. An answer that ends the session removes the cookie.
 */
export const COOKIE = { "X-Session": "cookie" };

/** Returns a refusal that the page itself makes. */
export const refusal = (code) => ({ ok: false, status: 0, body: null, code, seconds: 0, message: say(code), fields: {} });

/** Sends a request. `patience` is how long the answer may take, in milliseconds. */
export async function call(method, path, { body, headers, patience = PATIENCE_MS } = {}) {
  const controller = new AbortController();
  const init = {
    method,
    headers: { "Accept-Language": english ? "en" : "zh-CN", ...headers },
    credentials: "same-origin",
    cache: "no-store",
    signal: controller.signal,
  };
  if (body !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  const giveUp = setTimeout(() => controller.abort(), patience);
  try {
    const answer = await fetch(path, init);
    return read(answer, await answer.text());
  } catch {
    return refusal("offline");
  } finally {
    clearTimeout(giveUp);
  }
}

function read(answer, text) {
  let body = text;
  if ((answer.headers.get("content-type") || "").includes("json")) {
    try {
      body = JSON.parse(text);
    } catch {
      body = null;
    }
  }
  const code = answer.headers.get("x-error-code") || "";
  const refused = !answer.ok || code !== "" || (body && body.errno && body.errno !== "0");
  const seconds = Number(answer.headers.get("retry-after")) || 0;
  const result = { ok: !refused, status: answer.status, body, code, seconds, message: "", fields: {} };
  if (refused) Object.assign(result, wordsFor(code, seconds, body, text));
  return result;
}

function wordsFor(code, seconds, body, text) {
  const fields = fieldsOf(body);
  if (!hasError(code)) return { fields, message: messageOf(body, text) || say("broken") };
  const knowsWhen = code === "too_many_requests" && seconds > 0;
  const message = knowsWhen ? `${say("tooMany")}${english ? " " : ""}${wait(seconds)}` : say(code);
  for (const name of Object.keys(fields)) fields[name] = message;
  return { fields, message };
}

function messageOf(body, text) {
  if (typeof body === "string") return body || text;
  if (!body) return "";
  if (Array.isArray(body.non_field_errors)) return body.non_field_errors.join(" ");
  if (typeof body.detail === "string") return body.detail;
  return body.errmsg || Object.values(fieldsOf(body)).join(" ");
}

function fieldsOf(body) {
  const fields = {};
  for (const [name, value] of Object.entries(body && typeof body === "object" ? body : {})) {
    if (Array.isArray(value) && name !== "non_field_errors") fields[name] = value.join(" ");
  }
  return fields;
}
