// What an answer looks like, for visitors who have none yet: a sample with its faces boxed.

import { callForJson } from "./api.js";
import { layOutLabels, makeBox, nameBox, placeBox } from "./boxes.js";
import { h } from "./dom.js";

/**
 * Fill a button with the picture of a sample and, as soon as the service has said what it shows, with its boxes.
 * @param {HTMLButtonElement} button  of the proportions of the picture
 * @param {string} name  of the sample
 */
export async function fillExample(button, name) {
  const layer = h("span", { class: "layer" }, h("img", { src: `/web/samples/${name}`, alt: "" }));
  button.append(layer);
  const { detection_results: { faces }, image } = await callForJson(`/samples/${name}`);
  const boxes = faces.map((face, index) => {
    const box = makeBox(index + 1, { tag: "span" });
    box.element.removeAttribute("aria-hidden"); // Labels are a part of the button's name.
    nameBox(box, face, true);
    placeBox(box, face.box, image);
    return box;
  });
  layer.append(...boxes.map(({ element }) => element));
  new ResizeObserver(() => {
    if (layer.clientWidth) layOutLabels(boxes, { width: layer.clientWidth, height: layer.clientHeight });
  }).observe(layer);
}
