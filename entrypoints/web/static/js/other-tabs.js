// The tabs of one browser share a sign-in: a new tab asks the others for theirs, and signing out in
// one signs out all. A refresh token works only once, and used again it ends the sign-in everywhere,
// so the tabs send each other new tokens. All of it stays in the memory of tabs of this origin.

import { random } from "./random.js";

const CHANNEL = "emotion-api.sign-in";
const ANSWER_MS = 300;

export class OtherTabs {
  #channel = new BroadcastChannel(CHANNEL);
  #resolveAsk = () => {};
  #id = random();

  /**
   * @param {() => ?{family: string, generation: number}} stateHere  returns the sign-in of this tab
   * @param {(other: ?Object) => void} adopt  takes over the sign-in of another tab; null once it ended
   */
  constructor(stateHere, adopt) {
    this.#channel.addEventListener("message", ({ data: { asked, told, wanted, lent, ended } }) => {
      if (isNewer(stateHere(), asked)) this.tell(stateHere());
      if (wanted && stateHere()) this.#channel.postMessage({ lent: { to: wanted, state: stateHere() } });
      if (lent?.to === this.#id && !stateHere()) adopt(lent.state);
      if (ended && ended === stateHere()?.family) adopt(null);
      if (!isNewer(told, stateHere())) return;
      adopt(told);
      this.#resolveAsk();
    });
    if (!stateHere()) this.#channel.postMessage({ wanted: this.#id });
  }

  /** Tell the other tabs that the sign-in has ended. */
  end({ family }) {
    this.#channel.postMessage({ ended: family });
  }

  /** Send the other tabs the tokens of this one. */
  tell(state) {
    this.#channel.postMessage({ told: state });
  }

  /** Ask whether another tab has newer tokens, and wait until they were adopted or none came. */
  ask({ family, generation }) {
    this.#channel.postMessage({ asked: { family, generation } });
    return new Promise((resolve) => {
      this.#resolveAsk = resolve;
      setTimeout(resolve, ANSWER_MS);
    });
  }
}

/** Do something while no other tab does it. Browsers have locks on https and localhost only. */
export function withLock(action) {
  return navigator.locks ? navigator.locks.request(CHANNEL, action) : action();
}

function isNewer(one, other) {
  return Boolean(one && other) && one.family === other.family && one.generation > other.generation;
}
