// Signing in with Firebase by e-mail, through its REST call: it needs nobody else's code.

import { settings } from "./settings.js";
import { ApiError } from "./transport.js";

const REASONS = {
  INVALID_LOGIN_CREDENTIALS: "E-mail or password is wrong.",
  EMAIL_NOT_FOUND: "E-mail or password is wrong.",
  INVALID_PASSWORD: "E-mail or password is wrong.",
  USER_DISABLED: "This account was disabled.",
  TOO_MANY_ATTEMPTS_TRY_LATER: "Too many attempts. Try again later.",
};

/** Exchange e-mail and password for an ID token. */
export async function idTokenByEmail(email, password) {
  const { address, apiKey } = settings.firebase;
  let answer;
  try {
    const response = await fetch(`${address}/accounts:signInWithPassword?key=${encodeURIComponent(apiKey)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ email, password, returnSecureToken: true }),
    });
    answer = await response.json();
  } catch {
    throw failure("Firebase cannot be reached.");
  }
  if (answer.idToken) return answer.idToken;
  const [word] = (answer.error?.message ?? "").split(" ");
  throw failure(REASONS[word] ?? "Firebase refused it.");
}

function failure(detail) {
  return new ApiError({ title: "You are not signed in", detail, code: "firebase" });
}
