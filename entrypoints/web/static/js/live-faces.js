// Who is in the picture now, a line each, where there are several.

import { h } from "./dom.js";
import { scoreBar } from "./emotion-counts.js";
import { percent, words } from "./format.js";
import { nameOfTrack } from "./live-boxes.js";

const UPDATE_INTERVAL_MS = 200; // Numbers that change faster cannot be read.

export class LiveFaces {
  #list = h("ul", {});
  #lines = new Map();
  #choose;
  #shownAt = -Infinity;

  /** @param {(id: string) => void} choose  called with the tracking id of the face whose line is pressed */
  constructor(choose) {
    this.#choose = choose;
    this.element = h("section", { class: "panel live-faces", "aria-label": "Faces now", hidden: true }, this.#list);
  }

  show(faces) {
    const now = performance.now();
    if (now - this.#shownAt < UPDATE_INTERVAL_MS) return;
    this.#shownAt = now;
    this.element.hidden = faces.length < 2;
    const ids = faces.map(({ tracking_id: id }) => id);
    for (const id of [...this.#lines.keys()].filter((each) => !ids.includes(each))) this.#remove(id);
    for (const face of faces) {
      const word = h("span", { class: "word" }, words(face));
      this.#lineOf(face.tracking_id).replaceChildren(h("span", { class: "name" }, nameOfTrack(face.tracking_id)), " ",
        word, " ", scoreBar(face.emotions), h("span", { class: "value" }, percent(face.emotions[0].score)));
    }
  }

  clear() {
    for (const id of [...this.#lines.keys()]) this.#remove(id);
    this.element.hidden = true;
    this.#shownAt = -Infinity;
  }

  #lineOf(id) {
    if (!this.#lines.has(id)) {
      const button = h("button", { type: "button", title: "Show over the last minute", on: { click: () => this.#choose(id) } });
      this.#lines.set(id, button);
      this.#list.append(h("li", {}, button));
    }
    return this.#lines.get(id);
  }

  #remove(id) {
    this.#lines.get(id).parentElement.remove();
    this.#lines.delete(id);
  }
}
