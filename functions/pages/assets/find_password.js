// `/find_password`

import { call } from "./api.js";
import { withCaptcha } from "./captcha.js";
import { busy, byId, onSubmit, refuse, status, value } from "./form.js";
import { ready } from "./site.js";
import { say } from "./texts.js";

const form = byId("find");

async function send() {
  const email = value(byId("email"));
  const answer = await withCaptcha("mail", (headers) =>
    call("POST", "/users/find/password/email/", { body: { email }, headers }),
  );
  if (!answer.ok) {
    // It was too soon for another mail. The mail that was sent is still valid.
    if (form.hidden && answer.code === "too_many_requests") return status(byId("sent"), answer.message, "bad");
    const wasSent = form.hidden;
    form.hidden = false;
    byId("sent").hidden = true;
    refuse(form, answer, { email_unknown: "email", email_malformed: "email" });
    // The pressed button has disappeared.
    if (wasSent) byId("email").focus();
    return;
  }
  status(form, "");
  status(byId("sent"), "");
  form.hidden = true;
  byId("sent").hidden = false;
  byId("sent-to").textContent = say("mailed", { email });
  byId("sent-to").focus();
}

onSubmit(form, send);
const again = byId("again");
again.textContent = say("mailAgain");
again.addEventListener("click", () => busy(byId("sent"), again, send));
ready();
