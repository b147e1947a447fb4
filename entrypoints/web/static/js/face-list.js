// The faces of a picture, one line each: crop, word and a stacked bar. A line opens to all scores.

import { arriving, h } from "./dom.js";
import { scoreBar } from "./emotion-counts.js";
import { percent, words } from "./format.js";

const CROP_PX = 96; // Twice its size on the page, for sharp screens.
const ROOM = 1.3; // The crop shows some more than the box.

/** A line for one face. `crop` is a canvas, or null where the picture cannot be shown. */
export function faceLine(face, number, crop) {
  const details = h("div", { class: "details", id: `face-${number}-${++lastLine}`, hidden: true }, about(face), bars(face.emotions));
  const button = h("button", { type: "button", class: "line", "aria-expanded": "false", "aria-controls": details.id },
    h("span", { class: "number" }, h("span", { class: "unseen" }, "Face "), number),
    crop ?? h("span", { class: "crop" }),
    h("span", { class: "word" }, words(face),
      face.reliable ? null : h("span", { class: "doubt" }, h("span", { class: "unseen" }, ", "), "hard to read")),
    scoreBar(face.emotions),
    h("span", { class: "value" }, percent(face.emotions[0].score)));
  const element = h("li", { class: "face", dataset: { emotion: face.dominant_emotion } }, h("h3", {}, button), details);

  function open(isOpen = true) {
    button.setAttribute("aria-expanded", isOpen);
    details.hidden = !isOpen;
  }
  button.addEventListener("click", () => open(details.hidden));
  return { element, button, open };
}

let lastLine = 0;

/** The place for a crop: a canvas, empty at first. */
export const crop = () => h("canvas", { class: "crop", width: CROP_PX, height: CROP_PX, "aria-hidden": "true" });

/** The face cut out of its picture, an image, a video or a canvas, with some room around it. */
export function cutOut(picture, box, size) {
  const canvas = crop();
  drawCrop(canvas, picture, box, size);
  return canvas;
}

/** Draw that into a canvas; `size` is that of the picture that the box belongs to. */
export function drawCrop(canvas, picture, [x, y, width, height], size) {
  const scale = (picture.naturalWidth ?? picture.videoWidth ?? picture.width) / size.width;
  const side = ROOM * Math.max(width, height) * scale;
  const left = (x + width / 2) * scale - side / 2;
  const top = (y + height / 2) * scale - side / 2;
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, CROP_PX, CROP_PX); // The square may reach beyond the picture.
  pen.drawImage(picture, left, top, side, side, 0, 0, CROP_PX, CROP_PX);
}

/** A bar for each emotion. */
export function bars(emotions) {
  return h("ul", { class: "bars" }, ...emotions.map(({ emotion, score }) => {
    const fill = arriving(h("span", { class: "fill" }));
    fill.style.width = `${100 * score}%`;
    return h("li", { dataset: { emotion } },
      h("span", {}, emotion),
      h("span", { class: "track", "aria-hidden": "true" }, fill),
      h("span", { class: "value" }, percent(score)));
  }));
}

function about(face) {
  const found = face.detection_confidence === undefined ? "" : ` · detector confidence ${percent(face.detection_confidence)}`;
  return h("div", { class: "about small" },
    h("p", { class: "muted" }, `${face.quality.size_px} px across${found}`),
    face.reliable ? null : h("p", {}, "Too small, dark, bright, blurred or unclear: do not rely on these scores."));
}
