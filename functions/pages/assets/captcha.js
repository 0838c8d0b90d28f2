// The captcha: loaded when it is needed and not before, solved, and exchanged for a pass of ours.

import { call, refusal } from "./api.js";
import { say } from "./texts.js";

const LOAD_PATIENCE_MS = 15_000;

const setting = document.querySelector("meta[name=captcha]");

/** Loads the widget's script, which is another site's: it may be out of reach, or never come. */
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

/** The header with a pass in `headers`, or a refusal with words to show. */
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
 * A call that may need a captcha: at once where one is enforced, else when the server asks for one, because too much comes
 * from this address. `then` sends it with the header, and gives the answer.
 */
export async function withCaptcha(action, then) {
  if (!setting || setting.dataset.enforced !== "true") {
    const answer = await then({});
    if (!setting || !answer || answer.code !== "captcha_required") return answer;
  }
  const solved = await solve(action);
  return solved.ok ? then(solved.headers) : solved;
}
