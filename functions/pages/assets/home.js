// `/`

import { byId, retry, status } from "./form.js";
import { callSignedIn, isHinted, signOut, signedIn } from "./session.js";
import { ready } from "./site.js";
import { say } from "./texts.js";

const card = document.querySelector(".card");

function showOnly(shown) {
  for (const id of ["waiting", "signed-out", "signed-in"]) byId(id).hidden = id !== shown;
}

async function show() {
  if (!isHinted()) return showOnly("signed-out");
  const state = await signedIn();
  if (!state.ok && state.reason !== "offline") return showOnly("signed-out");
  const answer = state.ok ? await callSignedIn("GET", "/users/me/") : state;
  if (!answer.ok) {
    showOnly("waiting");
    return retry(byId("loading"), byId("retry"), answer.message, show);
  }
  byId("welcome").textContent = say("welcome", { name: answer.body.nickname });
  const hadFocus = document.activeElement === byId("loading");
  showOnly("signed-in");
  if (hadFocus) byId("main").focus({ preventScroll: true });
}

byId("sign-out").addEventListener("click", async () => {
  const answer = await signOut();
  if (!answer.ok && answer.status !== 401) return status(card, answer.message, "bad");
  location.reload();
});

show();
ready();
