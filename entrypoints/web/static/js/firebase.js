// Signing in with Firebase through its REST API, without a library.

import { settings } from "./settings.js";
import { ApiError } from "./transport.js";

const REASONS = {
  INVALID_LOGIN_CREDENTIALS: "E-mail or password is wrong.",
  EMAIL_NOT_FOUND: "E-mail or password is wrong.",
  INVALID_PASSWORD: "E-mail or password is wrong.",
  USER_DISABLED: "This account was disabled.",
  TOO_MANY_ATTEMPTS_TRY_LATER: "Too many attempts. Try again later.",
  INVALID_IDP_RESPONSE: "Firebase did not accept the sign-in with Google. The operator of this service can check the client ID.",
  OPERATION_NOT_ALLOWED: "This sign-in method is not enabled in Firebase.",
};

/** Exchange e-mail and password for an ID token. */
export function idTokenByEmail(email, password) {
  return idTokenBy("accounts:signInWithPassword", { email, password });
}

/** Exchange Google's ID token for one of Firebase. */
export function idTokenByGoogle(googleToken) {
  const postBody = new URLSearchParams({ id_token: googleToken, providerId: "google.com" }).toString();
  // This call does not redirect, but it needs an address.
  return idTokenBy("accounts:signInWithIdp", { postBody, requestUri: "http://localhost" });
}

async function idTokenBy(method, body) {
  const { address, apiKey } = settings.firebase;
  let answer;
  try {
    const response = await fetch(`${address}/${method}?key=${encodeURIComponent(apiKey)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...body, returnSecureToken: true }),
      referrerPolicy: "origin", // A key may be limited to the pages it is meant for.
    });
    answer = await response.json();
  } catch {
    throw signInError("Firebase cannot be reached.");
  }
  if (answer.idToken) return answer.idToken;
  if (answer.needConfirmation) {
    throw signInError("There is an account for this address with another sign-in method. Use its e-mail and password.");
  }
  const [code] = (answer.error?.message ?? "").split(" ");
  throw signInError(REASONS[code] ?? "Firebase refused the sign-in.");
}

export function signInError(detail) {
  return new ApiError({ title: "You are not signed in", detail, code: "firebase" });
}
