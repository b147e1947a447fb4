// Signing in with Google: the page goes to Google and comes back with an ID token in its address
// (OpenID Connect, implicit flow). `state` ties the answer to this tab, `nonce` the token to it.

import { idTokenByGoogle, signInError } from "./firebase.js";
import { random } from "./random.js";
import { settings } from "./settings.js";

const KEY = "emotion-api.google";
const GOOGLE = "https://accounts.google.com/o/oauth2/v2/auth";

/** Leave for Google, which sends the visitor back here. */
export function goToGoogle() {
  const request = { state: random(), nonce: random(), view: location.hash };
  sessionStorage.setItem(KEY, JSON.stringify(request));
  const query = new URLSearchParams({
    client_id: settings.firebase.googleClientId,
    redirect_uri: `${location.origin}/`,
    response_type: "id_token",
    scope: "openid email profile",
    prompt: "select_account",
    state: request.state,
    nonce: request.nonce,
  });
  location.assign(`${GOOGLE}?${query}`);
}

/** Take Google's answer out of the address bar, where the view that was left goes; null without one. */
export function takeGoogleAnswer() {
  const answer = new URLSearchParams(location.hash.slice(1));
  if (!answer.has("state") || !(answer.has("id_token") || answer.has("error"))) return null;
  const request = JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  sessionStorage.removeItem(KEY);
  history.replaceState(null, "", location.pathname + location.search + (request.view ?? ""));
  return { request, answer };
}

/** Exchange Google's answer for an ID token of Firebase. */
export async function idTokenOf({ request, answer }) {
  if (answer.get("state") !== request.state) {
    throw signInError("This sign-in was not started in this tab. Please start again.");
  }
  if (answer.get("error") === "access_denied") throw signInError("The sign-in with Google was cancelled.");
  if (answer.has("error")) throw signInError("Google could not sign you in. Please try again.");
  if (claimsOf(answer.get("id_token")).nonce !== request.nonce) {
    throw signInError("Google's answer belongs to another sign-in. Please start again.");
  }
  return idTokenByGoogle(answer.get("id_token"));
}

/** What a token says. Firebase checks its signature. */
function claimsOf(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return {};
  }
}
