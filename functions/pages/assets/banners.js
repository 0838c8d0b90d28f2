// The banners above the account: what its owner has to know, or is asked. Each one is an element `NAME-banner` with a
// text `NAME-text`, and with buttons that open the row to deal with it. All are in one place that a screen reader reads
// out.

import { codeButton, markOf } from "./codes.js";
import { day, moment } from "./dates.js";
import { byId, onSubmit, refuse, value } from "./form.js";
import { keepReauthentication } from "./reauthentication.js";
import { openRow } from "./row.js";
import { callSignedIn, sessionId } from "./session.js";
import { forAWhile } from "./storage.js";
import { say } from "./texts.js";

const DAY_MS = 86_400_000;
const ASK_AFTER_MS = 60 * DAY_MS;
const ANSWERED_MS = 365 * DAY_MS;
// As long as the code is valid.
const PROVING_MS = 600_000;
const PROVING = "number-proving";

/** Shows a banner, or hides it. A text without placeholders is in the page already. */
function banner(name, isShown, text = "") {
  const line = byId(`${name}-text`);
  if (isShown && text && line.textContent !== text) line.textContent = text;
  byId(`${name}-banner`).hidden = !isShown;
}

/** Shows what applies to the account. */
export function showBanners(account) {
  const { guessed_at: guessedAt, pending_recovery: recovery, mobile } = account;
  banner("guessed", guessedAt, guessedAt && say("guessed", { at: moment(guessedAt) }));
  banner("recovery", recovery, recovery && recoveryText(recovery));
  banner("no-mobile", !mobile);
  banner("no-way-back", !account.has_password && !account.email);
  showNumber(account);
}

function recoveryText({ asked_at: askedAt, until, device, network }) {
  const where = [device, network].filter(Boolean).join(" · ");
  const from = where && say("recoveryFrom", { where });
  return say("recovery", { at: moment(askedAt), from, until: moment(until) });
}

// The question whether the number is still the person's. It is asked once for each date of the last proof: this browser
// keeps the answer, by a digest that tells neither the account nor the date.
let isConfirmed = false;
const proofOf = (account) => markOf(account.id + account.mobile_proved_at);
const isAnswered = (account) => forAWhile.get(`number-asked-${proofOf(account)}`);
const isProving = (account) => forAWhile.get(PROVING)?.value === proofOf(account);

function answered(account) {
  forAWhile.set(`number-asked-${proofOf(account)}`, true, ANSWERED_MS);
  banner("number", false);
}

function showNumber(account) {
  if (isConfirmed) return;
  const { mobile, mobile_proved_at: provedAt } = account;
  const isOld = Boolean(mobile && provedAt) && Date.now() - Date.parse(provedAt) > ASK_AFTER_MS;
  const proving = isOld && isProving(account);
  byId("number-ways").hidden = proving;
  byId("number-form").hidden = !proving;
  banner("number", proving || (isOld && !isAnswered(account)), isOld && say("isItYours", { mobile, at: day(provedAt) }));
}

/** Sets up the question about the number. `current` returns the account. */
function numberQuestion(current) {
  const [form, input, send] = [byId("number-form"), byId("number-code"), byId("number-code-send")];
  const whose = current().id;
  codeButton(send, { name: "proof", input, whose }, () => callSignedIn("POST", "/users/me/sms/", { body: {} }));
  byId("number-yes").addEventListener("click", () => {
    answered(current());
    // People leave to read the message, and a phone then reloads the page.
    forAWhile.set(PROVING, proofOf(current()), PROVING_MS);
    showNumber(current());
    input.focus();
    send.click();
  });
  byId("number-no").addEventListener("click", () => {
    answered(current());
    openRow("mobile");
  });
  byId("number-later").addEventListener("click", () => {
    answered(current());
    byId("main").focus({ preventScroll: true });
  });
  onSubmit(form, async () => {
    const answer = await callSignedIn("POST", "/users/me/reauthenticate/", { body: { sms_code: value(input) } });
    if (!answer.ok) return refuse(form, answer, { code_wrong: input.id, code_expired: input.id, code_malformed: input.id });
    keepReauthentication(answer.body.reauthentication, sessionId());
    forAWhile.remove(PROVING);
    isConfirmed = true;
    form.hidden = true;
    byId("number-text").textContent = say("confirmed");
    byId("number-text").focus();
  });
}

/** Sets up the buttons. `current` returns the account. */
export function setUpBanners(current) {
  for (const button of document.querySelectorAll("[data-opens]")) {
    button.addEventListener("click", () => openRow(button.dataset.opens));
  }
  numberQuestion(current);
}
