// Who is signed in. Tokens live in sessionStorage, so they end with the last tab of this page.

import { random } from "./random.js";
import { TabMates, alone } from "./tab-mates.js";
import { ApiError, sendJson } from "./transport.js";

const KEY = "emotion-api.sign-in";
const EARLY_MS = 60_000;

class Session extends EventTarget {
  #held = read();
  #renewing = null;
  #mates = new TabMates(() => this.#held, (other) => this.#hold(other));

  get user() {
    return this.#held?.user ?? null;
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
    this.#hold({ user, family: random(), generation: 0, ...held(tokens) });
  }

  /** Here and in every other tab that shares the sign-in. */
  signOut() {
    if (this.#held) this.#mates.end(this.#held);
    this.#hold(null);
  }

  /** A token that is still valid, or null for a guest. */
  async accessToken() {
    if (this.#held && !this.#isValid()) return this.renew();
    return this.#held?.access ?? null;
  }

  /** Fetch fresh tokens, once however many ask, in this tab and in its duplicates. */
  renew() {
    const worn = this.#held;
    this.#renewing ??= alone(() => this.#renew(worn)).finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #renew(worn) {
    if (worn && this.#held === worn) await this.#mates.ask(worn);
    if (this.#held !== worn && this.#isValid()) return this.#held.access;
    const { refresh = "none", ...kept } = this.#held ?? {};
    try {
      const answer = await sendJson("/auth/refresh-token", { refresh_token: refresh });
      const fresh = held(await answer.json());
      if (this.#held?.family !== kept.family) return null; // Somebody signed out meanwhile.
      this.#hold({ ...kept, ...fresh, generation: kept.generation + 1 });
      this.#mates.tell(this.#held);
      return fresh.access;
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

  #isValid() {
    return Date.now() < (this.#held?.expiresAt ?? 0) - EARLY_MS;
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

/** Take what `#token=…` or `#code=…` says out of the address bar; nulls without one. */
export function signInOfAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  const [token, code] = [said.get("token"), said.get("code")];
  if (token || code) history.replaceState(null, "", location.pathname + location.search);
  return { token, code };
}
