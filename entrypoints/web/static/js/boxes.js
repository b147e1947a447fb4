// The frame around one face, placed in shares of the picture so that it scales with it, and its label.

import { h } from "./dom.js";
import { percent, words } from "./format.js";
import { placeLabels } from "./label-layout.js";

// The texts of labels, the longest first: the first for which all labels have room is used.
const FORMS = ["full", "short", "number"];
export const MAX_NAMED = 12; // More faces than that get numbers only.
const THIN_PX = 48;

/** A box with its label: a button on a photo, a plain element (`tag`) on video. */
export function makeBox(number, tag = "button") {
  const label = h("span", { class: "label" });
  const properties = tag === "button" ? { type: "button" } : { "aria-hidden": "true" };
  return { element: h(tag, { class: "box", ...properties }, label), label, number };
}

/** What a label says of a face; a question mark where it is hard to read. */
export const labelWords = (face) => `${words(face)}${face.reliable ? "" : "?"}`;

/** Say what the face shows; `alone` without its number. */
export function nameBox({ element, label, number }, face, alone = false) {
  const score = percent(face.emotions[0].score);
  const word = labelWords(face);
  element.dataset.emotion = face.dominant_emotion;
  element.classList.toggle("is-doubtful", !face.reliable);
  label.replaceChildren(
    ...(alone ? [] : [h("span", { class: "number" }, number), " "]),
    h("span", { class: "word" }, word), " ", h("span", { class: "score" }, score));
  if (element.tagName === "BUTTON") element.setAttribute("aria-label", `Face ${number}: ${word} ${score}`);
}

/** Put a box `[x, y, width, height]` onto a picture of the given size. */
export function placeBox(box, [x, y, width, height], size) {
  box.place = { x: x / size.width, y: y / size.height, width: width / size.width, height: height / size.height };
  for (const [side, share] of Object.entries({ left: box.place.x, top: box.place.y, width: box.place.width, height: box.place.height })) {
    box.element.style[side] = `${100 * share}%`;
  }
}

/** Put the labels where none hides another, on a picture shown in this size. */
export function layOutLabels(boxes, area) {
  const faces = boxes.map(({ place }) => ({
    x: place.x * area.width, y: place.y * area.height, width: place.width * area.width, height: place.height * area.height,
  }));
  boxes.forEach(({ element }, index) => element.classList.toggle("is-thin", faces[index].width < THIN_PX));
  const forms = boxes.length > MAX_NAMED ? FORMS.slice(-1) : boxes.length === 1 ? FORMS.slice(0, 1) : FORMS;
  for (const form of forms) {
    for (const { label } of boxes) {
      label.hidden = false;
      label.dataset.form = form;
    }
    const sizes = boxes.map(({ label }) => ({ width: label.offsetWidth, height: label.offsetHeight }));
    const { places, isClear } = placeLabels(faces, sizes, area, { atCorners: form === "number" });
    if (!isClear && form !== forms.at(-1)) continue;
    boxes.forEach((box, index) => moveLabel(box, places[index], faces[index]));
    return;
  }
}

function moveLabel({ element, label }, place, face) {
  label.hidden = !place;
  if (!place) return;
  const border = element.clientLeft; // A label's place counts from within the border.
  label.style.left = `${place.x - face.x - border}px`;
  label.style.top = `${place.y - face.y - border}px`;
}
