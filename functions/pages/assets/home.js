// `/`

import { byId, status } from "./form.js";
import { callSignedIn, isHinted, signOut, signedIn } from "./session.js";
import { ready } from "./site.js";
import { say } from "./texts.js";

const card = document.querySelector(".card");

async function show() {
  if (!isHinted() || !(await signedIn()).ok) return;
  const answer = await callSignedIn("GET", "/users/me/");
  if (!answer.ok) return status(card, answer.message, "bad");
  byId("welcome").textContent = say("welcome", { name: answer.body.nickname });
  byId("signed-out").hidden = true;
  byId("signed-in").hidden = false;
}

byId("sign-out").addEventListener("click", async () => {
  const answer = await signOut();
  if (!answer.ok && answer.status !== 401) return status(card, answer.message, "bad");
  location.reload();
});

show();
ready();
