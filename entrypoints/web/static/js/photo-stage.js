// A picture with the boxes of its faces, which can be enlarged and moved.

import { layOutLabels, makeBox, nameBox, placeBox } from "./boxes.js";
import { h } from "./dom.js";
import { Zoom } from "./zoom.js";

const REACH_PX = 22; // A tap this close to a small box counts as on it.

/**
 * @param {Node} picture  an image, or what stands in for one that cannot be shown
 * @param {{width: number, height: number}} size  the picture's, in the pixels of the boxes
 * @param {Object[]} faces
 * @param {string} caption  facts about the picture
 * @param {(index: number) => void} onChoose  called with the face that was clicked or tapped
 */
export function photoStage({ picture, size, faces = [], caption, onChoose = () => {} }) {
  const boxes = faces.map((face, index) => {
    const box = makeBox(index + 1);
    nameBox(box, face, faces.length === 1);
    placeBox(box, face.box, size);
    return box;
  });
  const layer = h("div", { class: "layer" }, picture, ...boxes.map(({ element }) => element));
  const frame = h("div", { class: "frame", tabIndex: 0, role: "group",
    "aria-label": "Photo. Plus and minus zoom, arrow keys move it." }, layer);
  const hasPicture = picture instanceof HTMLImageElement;
  const zoom = new Zoom(frame, layer, size, (area, view) => layOutLabels(boxes, area, view));
  const element = h("figure", { class: "stage" }, frame,
    h("figcaption", {}, h("span", { class: "facts" }, caption), hasPicture || faces.length ? zoomButtons(zoom) : null));
  element.style.setProperty("--ratio", size.width / size.height);

  frame.addEventListener("click", (event) => {
    if (zoom.wasDragged) return;
    // Keys click a button without coordinates; a pointer may mean a small box that it just missed.
    const index = event.detail ? nearest(boxes, event) : boxes.findIndex((box) => box.element === event.target.closest(".box"));
    if (index >= 0) onChoose(index);
  });
  return { element, boxes, reveal: (index) => zoom.reveal(boxes[index].place) };
}

function zoomButtons(zoom) {
  const button = (text, name, action) =>
    h("button", { type: "button", title: name, "aria-label": name, on: { click: () => action.call(zoom) } }, text);
  return h("div", { class: "zoom" },
    button("−", "Zoom out", zoom.out), button("+", "Zoom in", zoom.in), button("Fit", "Fit the photo", zoom.fit));
}

/** The smallest box or label under the pointer, else the nearest within reach; −1 for none. */
function nearest(boxes, { clientX, clientY, target }) {
  const direct = boxes.findIndex(({ label }) => label.contains(target));
  if (direct >= 0) return direct;
  const measured = boxes.map(({ element }, index) => {
    const { left, right, top, bottom, width, height } = element.getBoundingClientRect();
    const away = Math.hypot(Math.max(left - clientX, 0, clientX - right), Math.max(top - clientY, 0, clientY - bottom));
    return { index, away, area: width * height };
  });
  const [first] = measured.filter(({ away }) => away <= REACH_PX).sort((a, b) => a.away - b.away || a.area - b.area);
  return first?.index ?? -1;
}
