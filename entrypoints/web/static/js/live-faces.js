// Who is in the picture now, a line each: crop, word and a stacked bar. Crops come from the picture that was sent.

import { h } from "./dom.js";
import { crop, drawCrop } from "./face-list.js";
import { percent, words } from "./format.js";
import { nameOfTrack } from "./live-boxes.js";
import { EMOTIONS } from "./settings.js";

const UPDATE_INTERVAL_MS = 200; // Numbers that change faster cannot be read.
const STAYS_MS = 1000; // A face that is lost for a moment keeps its line.
const MAX_PORTRAITS = 60;

export class LiveFaces {
  #list = h("ul", {});
  #nobody = h("p", { class: "muted small" }, "No face in view.");
  #lines = new Map();
  #portraits = new Map();
  #choose;
  #shownAt = -Infinity;

  /**
   * @param {(id: string) => void} choose  called with the tracking id of the face whose line is pressed
   */
  constructor(choose) {
    this.#choose = choose;
    this.element = h("section", { class: "panel live-faces", "aria-label": "Faces now", hidden: true }, this.#list, this.#nobody);
  }

  /** Show the faces of a result; `picture` is the frame it is for, null where that is no longer known. */
  show({ faces, image }, picture, mirrored) {
    const now = performance.now();
    if (now - this.#shownAt < UPDATE_INTERVAL_MS) return;
    this.#shownAt = now;
    this.#list.classList.toggle("is-mirrored", mirrored);
    for (const face of faces) {
      const line = this.#lineOf(face.tracking_id);
      line.seenAt = now;
      line.show(face);
      // A predicted box may have lost its face.
      if (face.box && picture && !face.predicted) this.#cut(face, picture, image, line.crop);
    }
    for (const [id, { seenAt }] of this.#lines) if (now - seenAt >= STAYS_MS) this.#remove(id);
    this.element.hidden &&= !faces.length; // Once it is there it stays, so that nothing below it jumps.
    this.#nobody.hidden = this.#lines.size > 0;
  }

  /** How a face looked when it was largest, or null; the browser forgets it with the page. */
  portraitOf(id) {
    return this.#portraits.get(id)?.canvas ?? null;
  }

  /** No face is known of a new session. */
  startOver() {
    this.clear();
    this.#portraits.clear();
  }

  clear() {
    for (const id of [...this.#lines.keys()]) this.#remove(id);
    this.element.hidden = true;
    this.#shownAt = -Infinity;
  }

  #cut({ tracking_id: id, box }, picture, image, canvas) {
    drawCrop(canvas, picture, box, image);
    const side = Math.max(box[2], box[3]);
    const portrait = this.#portraits.get(id) ?? { canvas: crop(), side: 0 };
    if (side <= portrait.side) return;
    portrait.side = side;
    portrait.canvas.getContext("2d").drawImage(canvas, 0, 0);
    this.#portraits.set(id, portrait);
    if (this.#portraits.size > MAX_PORTRAITS) this.#portraits.delete(this.#portraits.keys().next().value);
  }

  #lineOf(id) {
    if (!this.#lines.has(id)) {
      const line = faceLine(id, () => this.#choose(id));
      const later = [...this.#lines].find(([other]) => numberOf(other) > numberOf(id));
      this.#lines.set(id, line);
      this.#list.insertBefore(line.element, later?.[1].element ?? null);
    }
    return this.#lines.get(id);
  }

  #remove(id) {
    this.#lines.get(id).element.remove();
    this.#lines.delete(id);
  }
}

const numberOf = (id) => Number(id.replace("face_", ""));

/** The parts of its bar keep their order, so that they grow and shrink in their places. */
function faceLine(id, onClick) {
  const word = h("span", { class: "word" });
  const value = h("span", { class: "value" });
  const parts = new Map(EMOTIONS.map((emotion) => [emotion, h("span", { dataset: { emotion } })]));
  const picture = crop();
  const button = h("button", { type: "button", title: "Show over the last minute", on: { click: onClick } },
    picture, h("span", { class: "name" }, nameOfTrack(id)), " ", word, " ",
    h("span", { class: "score-bar", "aria-hidden": "true" }, ...parts.values()), value);
  return {
    element: h("li", {}, button),
    crop: picture,
    show(face) {
      word.textContent = words(face);
      value.textContent = percent(face.emotions[0].score);
      for (const { emotion, score } of face.emotions) parts.get(emotion).style.flexGrow = score;
    },
  };
}
