// A photo with its boxes and labels drawn into it, as the service draws those that it keeps.

import { labelWords } from "./boxes.js";
import { h } from "./dom.js";
import { countEmotions } from "./emotion-counts.js";
import { percent } from "./format.js";
import { overlap, placeLabels } from "./label-layout.js";
import { EMOTIONS } from "./settings.js";
import { asJpeg, canvasScale, drawScaled } from "./shrink.js";

/**
 * @param {HTMLImageElement} picture
 * @param {Object} detection  its boxes are in pixels of the picture
 * @returns {Promise<Blob>} a JPEG
 */
export async function drawPhoto(picture, { image, detection_results: { faces } }) {
  const scale = canvasScale(image);
  const canvas = drawScaled(picture, image, scale);
  const pen = canvas.getContext("2d");
  // Sizes scale with the picture, so that labels are readable in small and large ones.
  const longer = Math.max(canvas.width, canvas.height);
  pen.font = `${Math.max(12, Math.round(longer / 60))}px sans-serif`;
  const boxes = faces.map(({ box }) => {
    const [x, y, width, height] = box.map((side) => side * scale);
    return { x, y, width, height };
  });
  const colours = emotionColours();
  const colourOf = (index) => colours[faces[index].dominant_emotion];
  boxes.forEach((box, index) => drawBox(pen, box, colourOf(index), Math.max(2, longer / 400)));
  const { texts, places } = layOut(pen, faces, boxes, canvas);
  places.forEach((place, index) => place && drawLabel(pen, place, texts[index], colourOf(index)));
  if (texts[0] === "1") drawKey(pen, countEmotions(faces), colours, [...boxes, ...places.filter(Boolean)], canvas);
  const drawn = await asJpeg(canvas);
  if (!drawn) throw { title: "Not saved", message: "This browser cannot make a picture of this size." };
  return drawn;
}

/** The longest labels that fit without covering a face; numbers lie on the corners of their boxes. */
function layOut(pen, faces, boxes, area) {
  const numbers = faces.map((_, index) => `${index + 1}`);
  const named = faces.map((face, index) => {
    const word = labelWords(face);
    return faces.length === 1 ? word : `${numbers[index]} ${word}`;
  });
  const full = faces.map((face, index) => `${named[index]} ${percent(face.emotions[0].score)}`);
  for (const texts of [full, named]) {
    const mustBeClear = faces.length > 1;
    const { places, isClear } = placeLabels(boxes, sizesOf(pen, texts), area, { mustBeClear });
    if (isClear || !mustBeClear) return { texts, places };
  }
  return { texts: numbers, places: placeLabels(boxes, sizesOf(pen, numbers), area, { atCorners: true }).places };
}

const sizesOf = (pen, texts) => texts.map((text) => sizeOf(pen, text));

function drawBox(pen, { x, y, width, height }, colour, line) {
  const thick = Math.min(line, Math.max(1, Math.min(width, height) / 12)); // A small face stays visible.
  for (const [style, extra] of [["black", 2], [colour, 0]]) {
    Object.assign(pen, { strokeStyle: style, lineWidth: thick + extra });
    pen.strokeRect(x, y, width, height);
  }
}

function drawLabel(pen, { x, y, width, height }, text, colour) {
  pen.fillStyle = colour;
  pen.fillRect(x, y, width, height);
  Object.assign(pen, { strokeStyle: "black", lineWidth: 1, fillStyle: "black", textAlign: "center", textBaseline: "middle" });
  pen.strokeRect(x, y, width, height);
  pen.fillText(text, x + width / 2, y + height / 2);
}

/** Draw a key of the colours ("11 happy", "3 neutral") in the emptiest corner. */
function drawKey(pen, counted, colours, used, area) {
  const texts = counted.map(([emotion, number]) => `${number} ${emotion}`);
  const sizes = texts.map((text) => sizeOf(pen, text));
  const [width, height] = [Math.max(...sizes.map((size) => size.width)), sizes[0].height];
  const tall = height * texts.length;
  if (width > area.width || tall > area.height) return;
  const corners = [area.height - tall, 0].flatMap((y) => [0, area.width - width].map((x) => ({ x, y, width, height: tall })));
  const covered = corners.map((corner) => used.reduce((sum, box) => sum + overlap(corner, box), 0));
  const { x, y } = corners[covered.indexOf(Math.min(...covered))];
  counted.forEach(([emotion], row) => drawLabel(pen, { x, y: y + row * height, width, height }, texts[row], colours[emotion]));
}

function sizeOf(pen, text) {
  const tall = parseFloat(pen.font);
  return { width: Math.ceil(pen.measureText(text).width + 0.6 * tall), height: Math.ceil(1.4 * tall) };
}

/** The colours that the style sheet gives the emotions, by name. */
function emotionColours() {
  const element = h("span", { hidden: true });
  document.body.append(element);
  const colours = EMOTIONS.map((emotion) => {
    element.dataset.emotion = emotion;
    return [emotion, getComputedStyle(element).getPropertyValue("--emotion").trim()];
  });
  element.remove();
  return Object.fromEntries(colours);
}
