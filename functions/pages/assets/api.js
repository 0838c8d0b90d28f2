// Calls to the API. Every answer becomes { ok, status, body, code, message, fields, seconds }: what was said, in the
// server's words, and which fields it was said of.

import { english, say, wait } from "./texts.js";

const TIMEOUT_MS = 30_000;

export async function call(method, path, { body, headers } = {}) {
  const init = {
    method,
    headers: { "Accept-Language": english ? "en" : "zh-CN", ...headers },
    credentials: "same-origin",
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  };
  if (body !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  let answer, text;
  try {
    answer = await fetch(path, init);
    text = await answer.text();
  } catch {
    return { ok: false, status: 0, body: null, code: "offline", message: say("offline"), fields: {} };
  }
  return read(answer, text);
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
  if (refused) {
    result.fields = fieldsOf(body);
    result.message = messageOf(body, text) || say("broken");
    if (code === "too_many_requests" && seconds > 0) result.message += " " + wait(seconds);
  }
  return result;
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
