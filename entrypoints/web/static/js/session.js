// Who is signed in. Tokens live in sessionStorage: they end with the tab.

import { ApiError, sendJson } from "./transport.js";

const KEY = "emotion-api.sign-in";
const EARLY_MS = 60_000;

class Session extends EventTarget {
  #held = read();
  #renewing = null;

  get user() {
    return this.#held?.user ?? null;
  }

  /** Exchange an ID token (or whatever the service accepts for one) for its own tokens. */
  async signIn(idToken) {
    const answer = await sendJson("/auth/verify-token", { id_token: idToken });
    const { user, ...tokens } = await answer.json();
    this.#hold({ user, ...held(tokens) });
  }

  signOut() {
    this.#hold(null);
  }

  /** A token that still stands, or null for a guest. */
  async accessToken() {
    if (this.#held && Date.now() > this.#held.expiresAt - EARLY_MS) return this.renew();
    return this.#held?.access ?? null;
  }

  /** Fetch fresh tokens, once however many ask. A refresh token works only once. */
  renew() {
    this.#renewing ??= this.#renew().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #renew() {
    try {
      const answer = await sendJson("/auth/refresh-token", { refresh_token: this.#held?.refresh ?? "none" });
      this.#hold({ user: this.user, ...held(await answer.json()) });
      return this.#held.access;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      this.#hold(null);
      throw new ApiError({
        title: "Your sign-in has ended",
        detail: "Please sign in again.",
        code: "signed_out",
        status: 401,
      });
    }
  }

  #hold(state) {
    const before = this.user?.user_id;
    this.#held = state;
    if (state) sessionStorage.setItem(KEY, JSON.stringify(state));
    else sessionStorage.removeItem(KEY);
    if (before !== this.user?.user_id) this.dispatchEvent(new Event("change"));
  }
}

function held(tokens) {
  return {
    access: tokens.access_token,
    refresh: tokens.refresh_token,
    expiresAt: Date.now() + 1000 * tokens.expires_in,
  };
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export const session = new Session();

/** Take the token out of `#token=…` and out of the address bar; null without one. */
export function tokenOfAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return token;
}
