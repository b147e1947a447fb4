// A photograph with its faces: boxes over it, bars beside it, JSON beside that, all linked.

import { fitLabel, makeBox, nameBox, placeBox } from "./boxes.js";
import { h } from "./dom.js";
import { faceCard } from "./face-card.js";
import { count, duration } from "./format.js";

/**
 * @param {{detection: Object, picture: Node, title: string}} shown  the picture is an image of the
 *   detection's size, or anything that stands in for one.
 */
export function viewer({ detection, picture, title }) {
  const { faces, processing_time: seconds } = detection.detection_results;
  const { width, height } = detection.image;
  const isStream = detection.kind === "stream";
  const wide = { class: "stage is-wide", role: "group", "aria-label": "Picture", tabIndex: 0 };
  const stage = h("div", isStream ? wide : { class: "stage" }, picture);
  stage.classList.toggle("has-many", faces.length > 1);
  const cards = faces.map((face, index) => faceCard(face, index + 1));
  const photographed = detection.kind === "image" && picture instanceof HTMLImageElement;
  const boxes = photographed ? faces.map((face, index) => {
    const box = makeBox(index + 1);
    nameBox(box, face);
    placeBox(box, face.box, detection.image);
    return box.element;
  }) : [];
  stage.append(...boxes);
  const list = h("div", { class: "faces" }, ...cards);
  link(stage, list, boxes, cards);
  watchSize(stage, boxes);

  const found = faces.length ? count(faces.length, "face") : "no face";
  const facts = [title, found, width ? `${width} × ${height} px` : null, duration(seconds)];
  if (!faces.length) list.append(noFace());
  return h("div", { class: isStream ? "viewer is-stream" : "viewer" },
    h("figure", { class: "picture" }, stage,
      h("figcaption", {}, facts.filter(Boolean).join(" · "))),
    list,
    jsonPanel(detection));
}

/** The same before anything is known, so that nothing jumps when it is. */
export function waiting({ picture, title }) {
  return h("div", { class: "viewer" },
    h("figure", { class: "picture" },
      h("div", { class: "stage is-working" }, picture),
      h("figcaption", {}, title)),
    h("div", { class: "notice" }, h("p", { role: "status" }, `Reading ${title} …`)));
}

function noFace() {
  return h("div", { class: "notice" },
    h("p", {}, h("strong", {}, "No face was found.")),
    h("p", { class: "muted" }, "Faces have to look at the camera and be large enough to read."));
}

/** Pointing at a box or at its card shows which belong together. */
function link(stage, list, boxes, cards) {
  boxes.forEach((box, index) => {
    const card = cards[index];
    const show = (linked) => () => {
      box.classList.toggle("is-linked", linked);
      card.classList.toggle("is-linked", linked);
      stage.classList.toggle("has-link", linked);
    };
    for (const element of [box, card]) {
      element.addEventListener("pointerenter", show(true));
      element.addEventListener("pointerleave", show(false));
      element.addEventListener("focusin", show(true));
      element.addEventListener("focusout", show(false));
    }
    box.addEventListener("click", () => focusOn(card.querySelector("button")));
    card.querySelector("button").addEventListener("click", () => focusOn(box));
  });
}

function focusOn(element) {
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
}

function watchSize(stage, boxes) {
  new ResizeObserver(() => {
    boxes.forEach(fitLabel);
  }).observe(stage);
}

function jsonPanel(detection) {
  const text = compact(JSON.stringify(detection, null, 2));
  const copy = h("button", { type: "button", on: { click: async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
  } } }, "Copy");
  return h("details", { class: "json", open: matchMedia("(min-width: 80rem)").matches },
    h("summary", {}, "The answer as JSON"),
    navigator.clipboard ? copy : null,
    h("pre", { tabIndex: 0, "aria-label": "JSON of the detection" }, text));
}

/** Boxes on one line. */
function compact(json) {
  return json.replace(/\[\s+([-\d.,\s]+?)\s+\]/g, (_, numbers) => `[${numbers.split(/,\s+/).join(", ")}]`);
}
