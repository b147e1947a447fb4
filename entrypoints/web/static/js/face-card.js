// What is known of one face: a bar for each emotion and how far to trust them.

import { h } from "./dom.js";
import { percent } from "./format.js";

export function faceCard(face, number) {
  const heading = h("button", { type: "button" }, `Face ${number}: ${face.dominant_emotion}${face.reliable ? "" : "?"}`);
  return h("article", { class: "face", dataset: { emotion: face.dominant_emotion } },
    h("h3", {}, heading),
    h("p", { class: "small" }, about(face)),
    face.reliable ? null : h("p", { class: "doubt" },
      "⚠ Hard to read: too small, dark, bright, blurred or unclear. Do not rely on it."),
    bars(face.emotions));
}

export function bars(emotions) {
  return h("ul", { class: "bars" }, ...emotions.map(({ emotion, score }) => {
    const fill = h("span", { class: "fill" });
    fill.style.width = `${100 * score}%`;
    return h("li", { dataset: { emotion } },
      h("span", {}, emotion),
      h("span", { class: "track", "aria-hidden": "true" }, fill),
      h("span", { class: "value" }, percent(score)));
  }));
}

/** Emotions by name and colour. */
export function chips(emotions) {
  return h("span", { class: "chips" }, ...emotions.map((emotion) =>
    h("span", { class: "chip", dataset: { emotion } }, emotion)));
}

function about(face) {
  const found = face.detection_confidence === undefined
    ? "" : `, detector ${percent(face.detection_confidence)} sure`;
  return `${face.quality.size_px} px across${found}`;
}
