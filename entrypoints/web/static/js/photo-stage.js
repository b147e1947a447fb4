// A picture with the boxes of its faces, which can be enlarged and moved.

import { layOutLabels, makeBox, nameBox, placeBox } from "./boxes.js";
import { h } from "./dom.js";
import { Zoom } from "./zoom.js";

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ASIDE = 3; // How much farther a face seems that is not straight ahead.
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
    h("figcaption", {}, h("span", { class: "facts", title: caption }, caption), hasPicture || faces.length ? zoomButtons(zoom) : null));
  element.style.setProperty("--ratio", size.width / size.height);

  // One stop for the Tab key; from there arrow keys lead from face to face.
  const stop = (index) => boxes.forEach(({ element: box }, at) => (box.tabIndex = at === index ? 0 : -1));
  stop(0);
  boxes.forEach(({ element: box }, index) => box.addEventListener("focus", () => stop(index)));
  layer.addEventListener("keydown", (event) => {
    const direction = DIRECTIONS[event.key];
    const from = boxes.findIndex(({ element: box }) => box === event.target);
    if (!direction || from < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // Elsewhere these keys move the picture.
    const next = neighbour(boxes, from, direction, size);
    if (next === null) return;
    zoom.reveal(boxes[next].place);
    boxes[next].element.focus({ preventScroll: true });
  });
  frame.addEventListener("click", (event) => {
    if (zoom.wasDragged) return;
    // Keys click a button without coordinates; a pointer may mean a small box that it just missed.
    const index = event.detail ? nearest(boxes, event) : boxes.findIndex((box) => box.element === event.target.closest(".box"));
    if (index >= 0) onChoose(index);
  });
  return { element, boxes, reveal: (index) => zoom.reveal(boxes[index].place) };
}

/** The nearest face in a direction; null where there is none. */
function neighbour(boxes, from, [right, down], size) {
  const middles = boxes.map(({ place: { x, y, width, height } }) => [(x + width / 2) * size.width, (y + height / 2) * size.height]);
  const ways = middles.map(([x, y], index) => {
    const [across, along] = [x - middles[from][0], y - middles[from][1]];
    const ahead = across * right + along * down;
    return { index, ahead, away: ahead + ASIDE * Math.abs(across * down - along * right) };
  });
  const offered = ways.filter(({ index, ahead }) => ahead > 0 && !boxes[index].element.classList.contains("is-out"));
  return offered.sort((a, b) => a.away - b.away)[0]?.index ?? null;
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
