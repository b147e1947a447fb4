// Boxes that follow faces: one element for each tracking id, moved from result to result.

import { layOutLabels, makeBox, nameBox, placeBox, SteadyForm } from "./boxes.js";
import { h } from "./dom.js";

export class LiveBoxes {
  #boxes = new Map();
  #form = new SteadyForm();
  #layer;
  #shownAt = 0;

  /** @param {HTMLElement} layer  what lies just over the picture */
  constructor(layer) {
    this.#layer = layer;
  }

  /** Show the faces of a result; `mirrored` where the picture is shown as in a mirror. */
  show({ faces, image }, mirrored) {
    this.#setPace();
    const seen = new Set();
    for (const face of faces) {
      if (!face.box) continue;
      seen.add(face.tracking_id);
      const box = this.#boxOf(face.tracking_id);
      const [x, y, width, height] = face.box;
      placeBox(box, [mirrored ? image.width - x - width : x, y, width, height], image);
      placePoints(box.element, face, mirrored);
      nameBox(box, face);
    }
    for (const id of this.#boxes.keys()) if (!seen.has(id)) this.#remove(id);
    const { clientWidth: width, clientHeight: height } = this.#layer;
    layOutLabels([...this.#boxes.values()], { width, height }, undefined, this.#form);
  }

  clear() {
    for (const id of this.#boxes.keys()) this.#remove(id);
    this.forgetForm();
  }

  /** What comes next has nothing to do with what is shown: labels take any form they have room for. */
  forgetForm() {
    this.#form = new SteadyForm();
  }

  /** Boxes take no longer to move than results take to come, so that they do not trail behind. */
  #setPace() {
    const now = performance.now();
    this.#layer.style.setProperty("--glide", `${Math.min(90, now - this.#shownAt).toFixed()}ms`);
    this.#shownAt = now;
  }

  #boxOf(id) {
    if (!this.#boxes.has(id)) {
      const box = makeBox(numberOf(id), { tag: "div", noun: "Face" });
      box.element.dataset.track = id;
      this.#boxes.set(id, box);
      this.#layer.append(box.element);
    }
    return this.#boxes.get(id);
  }

  #remove(id) {
    this.#boxes.get(id).element.remove();
    this.#boxes.delete(id);
  }
}

/** What a track is called on the page: on its box, in the timeline and in the summary. */
export const nameOfTrack = (id) => `Face ${numberOf(id)}`;

const numberOf = (id) => id.replace("face_", "");

/** Dots on eyes, nose and mouth, in shares of the box, so that they move with it. */
function placePoints(element, { landmarks, box: [x, y, width, height] }, mirrored) {
  for (const point of element.querySelectorAll(".point")) point.remove();
  for (const [atX, atY] of Object.values(landmarks ?? {})) {
    const point = h("i", { class: "point" });
    const share = (atX - x) / width;
    point.style.left = `${100 * (mirrored ? 1 - share : share)}%`;
    point.style.top = `${(100 * (atY - y)) / height}%`;
    element.append(point);
  }
}
