// The frame around one face, placed in shares of the picture so that it scales with it.

import { h } from "./dom.js";
import { percent } from "./format.js";

const TIGHT_PX = 80;
const TINY_PX = 28;

/** A box with its label: a button on a photograph, a plain element (`tag`) on video. */
export function makeBox(number, tag = "button") {
  const label = h("span", { class: "label" });
  const properties = tag === "button" ? { type: "button" } : { "aria-hidden": "true" };
  return { element: h(tag, { class: "box", ...properties }, label), label, number };
}

/** Say what the face shows. */
export function nameBox({ element, label, number }, face) {
  const score = face.emotions[0].score;
  element.dataset.emotion = face.dominant_emotion;
  element.classList.toggle("is-doubtful", !face.reliable);
  label.dataset.number = number;
  const word = `${face.dominant_emotion}${face.reliable ? "" : "?"}`;
  label.replaceChildren(
    h("span", { class: "number" }, `${number}`),
    h("span", { class: "word" }, word),
    h("span", { class: "score" }, ` ${percent(score)}`));
  if (element.tagName === "BUTTON") {
    element.setAttribute("aria-label", `Face ${number}: ${word} ${percent(score)}`);
  }
}

/** Put a box `[x, y, width, height]` onto a picture of the given size. */
export function placeBox({ element }, [x, y, width, height], size) {
  const style = element.style;
  style.left = `${(100 * x) / size.width}%`;
  style.top = `${(100 * y) / size.height}%`;
  style.width = `${(100 * width) / size.width}%`;
  style.height = `${(100 * height) / size.height}%`;
  element.classList.toggle("is-high", y < 0.06 * size.height);
  element.classList.toggle("is-right", x + width / 2 > 0.8 * size.width);
}

/** Small boxes say less: the emotion without its score, and tiny ones only their number. */
export function fitLabel(element) {
  const width = element.offsetWidth;
  element.classList.toggle("is-tight", width < TIGHT_PX);
  element.classList.toggle("is-tiny", width < TINY_PX);
}
