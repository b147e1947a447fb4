// Puts the page together.

import { mountAccount } from "./account.js";
import { mountDetect } from "./detect-view.js";
import { announce } from "./dom.js";
import { listenForFiles } from "./drops.js";
import { idTokenOf, takeGoogleAnswer } from "./google.js";
import { mountHistory } from "./history-view.js";
import { mountLive } from "./live-view.js";
import { problem } from "./problem.js";
import { session, takeSignInFromAddress } from "./session.js";
import { mountTabs } from "./tabs.js";

await signInFromAddress();
addEventListener("hashchange", signInFromAddress);
mountAccount(document.getElementById("account"));
const tabs = mountTabs({ detect: mountDetect, live: mountLive, history: mountHistory });
listenForFiles((files) => tabs.go("detect").take(files));

async function signInFromAddress() {
  const { token, code } = takeSignInFromAddress();
  const answer = takeGoogleAnswer();
  if (!token && !code && !answer) return;
  try {
    if (code) await session.signInByCode(code);
    else await session.signIn(token ?? (await idTokenOf(answer)));
    announce();
  } catch (error) {
    announce(problem(error, "You are not signed in"));
  }
}
