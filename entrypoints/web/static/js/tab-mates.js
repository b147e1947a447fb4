// A duplicated tab begins with a copy of the other's sign-in, and a refresh token works only once:
// used again it ends the sign-in everywhere. So tabs that share one tell each other of new tokens.

const CHANNEL = "emotion-api.sign-in";
const ANSWER_MS = 300;

export class TabMates {
  #channel = new BroadcastChannel(CHANNEL);
  #heard = () => {};

  /**
   * @param {() => ?{family: string, generation: number}} held  what this tab holds now
   * @param {(newer: Object) => void} adopt  takes over what another tab holds
   */
  constructor(held, adopt) {
    this.#channel.addEventListener("message", ({ data: { asked, told } }) => {
      if (isNewer(held(), asked)) this.tell(held());
      if (!isNewer(told, held())) return;
      adopt(told);
      this.#heard();
    });
  }

  /** Let the others have what this tab got. */
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
