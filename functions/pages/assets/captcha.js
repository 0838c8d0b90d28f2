// The captcha: loaded only when it is needed, solved, and exchanged for a captcha pass.

import { call, refusal } from "./api.js";
import { say } from "./texts.js";

const LOAD_PATIENCE_MS = 15_000;

const setting = document.querySelector("meta[name=captcha]");

/** Loads the widget's script. It is on another site, which may be out of reach or never answer. */
function load(address) {
  return new Promise((done, failed) => {
    if (window.TencentCaptcha) return done();
    const script = document.createElement("script");
    script.src = address;
    script.onload = done;
    script.onerror = failed;
    setTimeout(failed, LOAD_PATIENCE_MS);
    document.head.append(script);
  });
}

const down = () => ({ ...refusal("captcha_not_configured"), message: say("captchaDown") });

/** Returns the header with a captcha pass in `headers`, or a refusal with a text to show. */
async function solve(action) {
  let solved;
  try {
    await load(setting.dataset.widget);
    solved = await new Promise((done) => {
      new window.TencentCaptcha(setting.content, done).show();
    });
  } catch {
    return down();
  }
  if (solved.ret !== 0) return refusal("captcha_refused");
  const query = new URLSearchParams({ ticket: solved.ticket, randstr: solved.randstr, action });
  const answer = await call("GET", `/users/captcha/?${query}`);
  return answer.ok ? { ok: true, headers: { "X-Captcha-Pass": answer.body.captcha_pass } } : answer;
}

/**
 * Makes a call that may need a captcha: at once if one is enforced, otherwise when the server asks for one because of
 * too many requests from this address. `then` sends the request with the header and returns the answer.
 */
export async function withCaptcha(action, then) {
  if (!setting || setting.dataset.enforced !== "true") {
    const answer = await then({});
    if (!setting || !answer || answer.code !== "captcha_required") return answer;
  }
  const solved = await solve(action);
  return solved.ok ? then(solved.headers) : solved;
}
