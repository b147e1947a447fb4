// Who is signed in. Tokens live in sessionStorage, so they end with the last tab of this page.

import { random } from "./random.js";
import { OtherTabs, withLock } from "./other-tabs.js";
import { ApiError, sendJson } from "./transport.js";

const KEY = "emotion-api.sign-in";
const EARLY_MS = 60_000;

class Session extends EventTarget {
  #state = read();
  #renewing = null;
  #otherTabs = new OtherTabs(() => this.#state, (other) => this.#setState(other));

  get user() {
    return this.#state?.user ?? null;
  }

  /** Exchange an ID token (or whatever the service accepts for one) for its own tokens. */
  signIn(idToken) {
    return this.#signIn("/auth/verify-token", { id_token: idToken });
  }

  /** Use up the code of the link that the service printed at its start. */
  signInByCode(code) {
    return this.#signIn("/auth/sign-in-code", { code });
  }

  async #signIn(path, proof) {
    const answer = await sendJson(path, proof);
    const { user, ...tokens } = await answer.json();
    this.#setState({ user, family: random(), generation: 0, ...tokensOf(tokens) });
  }

  /** Here and in every other tab that shares the sign-in. */
  signOut() {
    if (this.#state) this.#otherTabs.end(this.#state);
    this.#setState(null);
  }

  /** A token that is still valid, or null for a guest. */
  async accessToken() {
    if (this.#state && !this.#isValid()) return this.renew();
    return this.#state?.access ?? null;
  }

  /** Fetch fresh tokens, once however many ask, in this tab and in its duplicates. */
  renew() {
    const expired = this.#state;
    this.#renewing ??= withLock(() => this.#renew(expired)).finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #renew(expired) {
    if (expired && this.#state === expired) await this.#otherTabs.ask(expired);
    if (this.#state !== expired && this.#isValid()) return this.#state.access;
    const { refresh = "none", ...kept } = this.#state ?? {};
    try {
      const answer = await sendJson("/auth/refresh-token", { refresh_token: refresh });
      const fresh = tokensOf(await answer.json());
      if (this.#state?.family !== kept.family) return null; // Somebody signed out meanwhile.
      this.#setState({ ...kept, ...fresh, generation: kept.generation + 1 });
      this.#otherTabs.tell(this.#state);
      return fresh.access;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      this.#setState(null);
      throw new ApiError({
        title: "Your sign-in has ended",
        detail: "Please sign in again.",
        code: "signed_out",
        status: 401,
      });
    }
  }

  #isValid() {
    return Date.now() < (this.#state?.expiresAt ?? 0) - EARLY_MS;
  }

  #setState(state) {
    const before = this.user?.user_id;
    this.#state = state;
    if (state) sessionStorage.setItem(KEY, JSON.stringify(state));
    else sessionStorage.removeItem(KEY);
    if (before !== this.user?.user_id) this.dispatchEvent(new Event("change"));
  }
}

function tokensOf(tokens) {
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

/** Take what `#token=…` or `#code=…` says out of the address bar; nulls without one. */
export function takeSignInFromAddress() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const [token, code] = [parameters.get("token"), parameters.get("code")];
  if (token || code) history.replaceState(null, "", location.pathname + location.search);
  return { token, code };
}
