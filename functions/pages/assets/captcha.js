// The captcha: loaded when it is needed and not before, solved, and exchanged for a pass of ours.

import { call, refusal } from "./api.js";
import { say } from "./texts.js";

const setting = document.querySelector("meta[name=captcha]");

function load(address) {
  return new Promise((done, failed) => {
    if (window.TencentCaptcha) return done();
    const script = document.createElement("script");
    script.src = address;
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  });
}

/** The header with a pass. Throws words to show when the captcha is not solved. */
async function solve(action) {
  try {
    await load(setting.dataset.widget);
  } catch {
    throw new Error(say("captchaDown"));
  }
  const solved = await new Promise((done) => {
    new window.TencentCaptcha(setting.content, done).show();
  });
  if (solved.ret !== 0) throw new Error(say("captchaFailed"));
  const query = new URLSearchParams({ ticket: solved.ticket, randstr: solved.randstr, action });
  const answer = await call("GET", `/users/captcha/?${query}`);
  if (!answer.ok) throw new Error(answer.status === 400 ? say("captchaFailed") : answer.message);
  return { "X-Captcha-Pass": answer.body.captcha_pass };
}

/**
 * A call that may need a captcha: at once where one is enforced, else when the server asks for one, because too much comes
 * from this address. `then` sends it with the header, and gives the answer.
 */
export async function withCaptcha(action, then) {
  if (setting?.dataset.enforced !== "true") {
    const answer = await then({});
    if (answer?.code !== "captcha_required" || !setting) return answer;
  }
  let headers;
  try {
    headers = await solve(action);
  } catch (error) {
    return { ...refusal("captcha_refused"), message: error.message };
  }
  return then(headers);
}
