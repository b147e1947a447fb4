// The frame around one face, placed in shares of the picture so that it scales with it, and its label.

import { arriving, h } from "./dom.js";
import { percent, words } from "./format.js";
import { placeLabels } from "./label-layout.js";

// The texts of labels, the longest first: the first for which all labels have room is used.
const FORMS = ["full", "short", "number"];
const THIN_PX = 48;
const ROOM_MS = 4000;

/** A box with its label: a button on a photo, a plain element (`tag`) on video. `noun` stands before the number where there is room. */
export function makeBox(number, { tag = "button", noun = null } = {}) {
  const label = h("span", { class: "label" });
  const properties = tag === "button" ? { type: "button" } : { "aria-hidden": "true" };
  return { element: arriving(h(tag, { class: "box", ...properties }, label)), label, number, noun };
}

/** What a label says of a face; a question mark where it is hard to read. */
export const labelWords = (face) => `${words(face)}${face.reliable ? "" : "?"}`;

/** Say what the face shows; `alone` without its number. */
export function nameBox({ element, label, number, noun }, face, alone = false) {
  const score = percent(face.emotions[0].score);
  const word = labelWords(face);
  element.dataset.emotion = face.dominant_emotion;
  element.classList.toggle("is-doubtful", !face.reliable);
  label.replaceChildren(
    ...(alone ? [] : [h("span", { class: "number" }, noun && h("span", { class: "noun" }, `${noun} `), number), " "]),
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

/**
 * Put the labels where none hides another, on a picture shown in this size; those whose boxes are out of view are hidden.
 * @param {{x: number, y: number, width: number, height: number}} view  the part of the picture that is seen
 * @param {?SteadyForm} steady  where boxes move, so that labels had better stay as they are, and at the sides where they are
 */
export function layOutLabels(boxes, area, view = { x: 0, y: 0, ...area }, steady = null) {
  const faces = new Map(boxes.map((box) => [box, faceIn(area, box)]));
  for (const [{ element, label }, face] of faces) {
    element.classList.toggle("is-thin", face.width < THIN_PX);
    label.hidden = !holds(view, middleOf(face));
  }
  const seen = boxes.filter(({ label }) => !label.hidden);
  const whole = seen.filter((box) => holds(view, faces.get(box))); // Only these have to have room for words.
  const place = (some, form, mustBeClear) => {
    for (const { label } of some) label.dataset.form = form;
    const sizes = some.map(({ label }) => ({ width: label.offsetWidth, height: label.offsetHeight }));
    const sides = steady ? some.map(({ side }) => (side?.form === form ? side.number : null)) : [];
    return placeLabels(some.map((box) => faces.get(box)), sizes, view, { atCorners: form === "number", mustBeClear, sides });
  };
  const fitting = boxes.length === 1 ? FORMS[0] : FORMS.slice(0, -1).find((each) => place(whole, each, true).isClear) ?? FORMS.at(-1);
  const form = steady ? steady.choose(fitting) : fitting;
  const { places, sides } = place(seen, form, false);
  seen.forEach((box, index) => {
    box.side = { form, number: sides[index] };
    moveLabel(box, places[index], faces.get(box));
  });
}

/** Labels of moving boxes get shorter at once, and longer again only when they have had room for a while. */
export class SteadyForm {
  #form = FORMS[0];
  #roomSince = null;

  choose(fitting) {
    const now = performance.now();
    const hasRoom = FORMS.indexOf(fitting) < FORMS.indexOf(this.#form);
    this.#roomSince = hasRoom ? this.#roomSince ?? now : null;
    if (hasRoom && now - this.#roomSince < ROOM_MS) return this.#form;
    this.#roomSince = null;
    return (this.#form = fitting);
  }
}

const faceIn = (area, { place }) => (
  { x: place.x * area.width, y: place.y * area.height, width: place.width * area.width, height: place.height * area.height });

const middleOf = ({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2, width: 0, height: 0 });

function holds(view, { x, y, width, height }) {
  return x >= view.x && y >= view.y && x + width <= view.x + view.width && y + height <= view.y + view.height;
}

function moveLabel({ element, label }, place, face) {
  label.hidden = !place;
  if (!place) return;
  const border = element.clientLeft; // A label's place counts from within the border.
  label.style.left = `${place.x - face.x - border}px`;
  label.style.top = `${place.y - face.y - border}px`;
}
