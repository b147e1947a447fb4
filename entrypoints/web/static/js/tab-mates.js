// The tabs of one browser share a sign-in: a new tab asks the others for theirs, and signing out in
// one signs out all. A refresh token works only once, and used again it ends the sign-in everywhere,
// so the tabs send each other new tokens. All of it stays in the memory of tabs of this origin.

import { random } from "./random.js";

const CHANNEL = "emotion-api.sign-in";
const ANSWER_MS = 300;

export class TabMates {
  #channel = new BroadcastChannel(CHANNEL);
  #heard = () => {};
  #me = random();

  /**
   * @param {() => ?{family: string, generation: number}} held  what this tab holds now
   * @param {(other: ?Object) => void} adopt  takes over what another tab holds; null once it ended
   */
  constructor(held, adopt) {
    this.#channel.addEventListener("message", ({ data: { asked, told, wanted, lent, ended } }) => {
      if (isNewer(held(), asked)) this.tell(held());
      if (wanted && held()) this.#channel.postMessage({ lent: { to: wanted, state: held() } });
      if (lent?.to === this.#me && !held()) adopt(lent.state);
      if (ended && ended === held()?.family) adopt(null);
      if (!isNewer(told, held())) return;
      adopt(told);
      this.#heard();
    });
    if (!held()) this.#channel.postMessage({ wanted: this.#me });
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
      this.#heard = resolve;
      setTimeout(resolve, ANSWER_MS);
    });
  }
}

/** Do something while no other tab does it. Browsers have locks on https and localhost only. */
export function alone(action) {
  return navigator.locks ? navigator.locks.request(CHANNEL, action) : action();
}

function isNewer(one, other) {
  return Boolean(one && other) && one.family === other.family && one.generation > other.generation;
}
