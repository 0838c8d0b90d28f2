// `/secure`. The token is in the fragment, which no browser sends, and is removed from the address bar first. This
// tab's history keeps it until it is used, for a reload or a switch of language.

import { COOKIE, call } from "./api.js";
import { byId, onSubmit, refuse } from "./form.js";
import { ready } from "./site.js";

const token = location.hash.slice(1) || history.state?.token || "";
history.replaceState({ token }, "", location.pathname);

const form = byId("secure");
onSubmit(form, async () => {
  const answer = await call("POST", "/users/secure/", { body: { token: token || "-" }, headers: COOKIE });
  if (!answer.ok) return refuse(form, answer);
  history.replaceState(null, "");
  form.hidden = true;
  byId("secured").hidden = false;
  byId("secured-text").textContent = answer.body.detail;
  byId("secured-text").focus();
});
ready();
