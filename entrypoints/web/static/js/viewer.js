// A photo with its faces: the picture with boxes, and beside it a summary, a line per face, the request and the response.

import { jsonPanel, requestPanel } from "./code-panels.js";
import { h } from "./dom.js";
import { caution, countChips, countEmotions } from "./emotion-counts.js";
import { cutOut, faceLine } from "./face-list.js";
import { count, duration } from "./format.js";
import { photoStage } from "./photo-stage.js";
import { settings } from "./settings.js";

const MAX_LINES = 8; // More faces than that get two small cards a line.

/**
 * @param {{detection: Object, picture: Node, title: string, note: ?string, sent: ?string, actions: Node[]}} shown
 *   the picture is a loaded image of the detection's proportions, or anything that stands in for one;
 *   `note` is one more fact about it; `sent` is the name of the file that was sent for this result.
 * @returns {{stage: HTMLElement, details: HTMLElement}}
 */
export function viewer({ detection, picture, title, note = null, sent = null, actions = [] }) {
  const { faces, processing_time: seconds } = detection.detection_results;
  const isImage = picture instanceof HTMLImageElement;
  const lines = faces.map((face, index) =>
    faceLine(face, index + 1, isImage ? cutOut(picture, face.box, detection.image) : null));
  const facts = [title, `${detection.image.width} × ${detection.image.height} px`, duration(seconds), note];
  const { element, boxes, reveal } = photoStage({
    picture, faces, size: detection.image, caption: facts.filter(Boolean).join(" · "), onChoose: (index) => choose(index),
  });
  const classes = faces.length > MAX_LINES ? "faces is-many" : "faces";
  const list = h("ul", { class: classes, "aria-label": "Faces" }, ...lines.map((line) => line.element));

  let marked = null;

  function mark(index) {
    if (index === marked) return;
    marked = index;
    for (const [at, box] of boxes.entries()) {
      box.element.classList.toggle("is-linked", at === index);
      lines[at].element.classList.toggle("is-linked", at === index);
    }
    element.classList.toggle("has-link", index !== null);
  }

  /** Open the line of a face whose box was clicked. The picture stays where it is. */
  function choose(index) {
    const { element: line, button, open } = lines[index];
    open();
    button.focus({ preventScroll: true });
    line.scrollIntoView({ block: "nearest" });
  }

  lines.forEach(({ element: line, button, open }, index) => {
    for (const each of [line, boxes[index].element]) {
      // What appears under a pointer that lies still is not pointed at.
      each.addEventListener("pointermove", ({ pointerType }) => pointerType === "mouse" && mark(index));
      each.addEventListener("pointerleave", () => mark(null));
      each.addEventListener("focusin", () => mark(index));
      each.addEventListener("focusout", () => mark(null));
    }
    button.addEventListener("focus", () => reveal(index));
    if (faces.length === 1) open();
  });

  const details = h("div", { class: "details-of-photo" },
    faces.length ? summary(faces, (emotion) => filter(faces, lines, boxes, emotion)) : noFace(),
    list,
    actions.length ? h("div", { class: "row" }, ...actions) : null,
    sent === null ? requestPanel(`/history/${detection.detection_id}`) : requestPanel("/detect", { name: sent }),
    jsonPanel(detection));
  return { stage: element, details };
}

/** The same before the result is there, so that the layout does not jump when it comes. */
export function waiting({ picture, size, title, progress }) {
  const { element } = photoStage({ picture, size, caption: title });
  element.classList.add("is-working");
  return { stage: element, details: progress };
}

/** How much of a photo is sent, and a way to end that; then that it is analysed. */
export function photoProgress({ title, cancel }) {
  const text = h("p", { role: "status" }, `Analysing ${title} …`);
  const bar = h("progress", { max: 1, "aria-label": `Sending ${title}` });
  const sending = h("div", { class: "sending", hidden: true }, bar, h("button", { type: "button", on: { click: cancel } }, "Cancel"));
  return {
    element: h("div", { class: "notice progress" }, text, sending),
    showSent(share) {
      sending.hidden = share === 1;
      bar.value = share;
      text.textContent = share < 1 ? `Sending ${title} … ${Math.floor(100 * share)}\u00a0%` : `Analysing ${title} …`;
    },
  };
}

/** How many faces show each emotion. Where they differ, a click on one shows only its faces. */
function summary(faces, show) {
  let only = null;
  const counted = countEmotions(faces);
  const buttons = counted.map(([emotion, number]) => {
    const button = h("button", { type: "button", class: "chip", "aria-pressed": "false", dataset: { emotion }, on: { click: () => {
      only = only === emotion ? null : emotion;
      for (const each of buttons) each.setAttribute("aria-pressed", each.dataset.emotion === only);
      show(only);
    } } }, `${number} ${emotion}`);
    return button;
  });
  const doubt = caution(faces);
  return h("section", { class: faces.length === 1 ? "counts is-of-one" : "counts", "aria-label": "Summary" },
    h("h2", {}, count(faces.length, "face")),
    counted.length > 1 ? h("div", { class: "chips", role: "group", "aria-label": "Show only" }, ...buttons) : countChips(faces),
    doubt ? h("p", { class: "muted small" }, `${doubt}: too small, dark, bright, blurred or unclear.`) : null);
}

function filter(faces, lines, boxes, emotion) {
  faces.forEach((face, index) => {
    const isOut = emotion !== null && face.dominant_emotion !== emotion;
    lines[index].element.hidden = isOut;
    boxes[index].element.classList.toggle("is-out", isOut);
  });
}

function noFace() {
  return h("div", { class: "notice no-face" },
    h("h2", {}, "No face found"),
    h("p", {}, `The detector finds faces that look roughly towards the camera, from ${settings.minFaceSize} px across. `,
      "It misses many that are seen from the side, covered, or in deep shadow, and it does not look for animals or drawings."),
    h("p", {}, "If there is a face:"),
    h("ul", { class: "advice" },
      h("li", {}, "send the photo in its full size, or cut out the part with the face"),
      h("li", {}, "turn it upright"),
      h("li", {}, "try one with more light on the face")));
}
