// How many faces show what: "11 happy, 3 neutral", as chips that are the key to the colours too.

import { h } from "./dom.js";
import { count } from "./format.js";
import { EMOTIONS } from "./settings.js";

/** Pairs of emotion and number of faces, the most frequent first. */
export function countEmotions(faces) {
  const counted = EMOTIONS.map((emotion) => [emotion, faces.filter((face) => face.dominant_emotion === emotion).length]);
  return counted.filter(([, number]) => number).sort((a, b) => b[1] - a[1]);
}

export function countsInWords(faces) {
  if (!faces.length) return "no face";
  return countEmotions(faces).map(([emotion, number]) => `${number} ${emotion}`).join(", ");
}

/** Chips of what was counted. */
export function countChips(faces) {
  return h("span", { class: "chips" }, ...countEmotions(faces).flatMap(([emotion, number]) =>
    [h("span", { class: "chip", dataset: { emotion } }, `${number} ${emotion}`), " "]));
}

/** Emotions by name and colour. */
export function chips(emotions) {
  return h("span", { class: "chips" }, ...emotions.map((emotion) =>
    h("span", { class: "chip", dataset: { emotion } }, emotion)));
}

/** One bar for the scores of a face: each emotion takes its share of the length. */
export function scoreBar(emotions) {
  return h("span", { class: "score-bar", "aria-hidden": "true" }, ...emotions.map(({ emotion, score }) => {
    const part = h("span", { dataset: { emotion } });
    part.style.flexGrow = score;
    return part;
  }));
}

/** How many faces there are, and how many of them are not to be relied on. */
export function caution(faces) {
  const unreliable = faces.filter(({ reliable }) => !reliable).length;
  return unreliable ? `${count(unreliable, "face")} hard to read` : "";
}
