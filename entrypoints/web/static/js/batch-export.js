// What was found in several photos, as a file: the same columns and records as the history's export.

import { download } from "./download.js";
import { EMOTIONS } from "./settings.js";

const COLUMNS = [
  "filename", "image_width", "image_height", "face", "x", "y", "width", "height", "dominant_emotion", ...EMOTIONS,
  "detection_confidence", "sharpness", "brightness", "size_px", "reliable",
];

const FORMULA = /(^|[;\t\r\n])([\s"']*)(?=[=+\-@＝＋－＠])/g;

/** Save the detections of photos as `emotions.csv` or `emotions.json`. */
export function save(photos, format) {
  const done = photos.filter(({ detection }) => detection);
  const text = format === "csv" ? csv(done) : JSON.stringify(done.map(({ detection }) => detection), null, 2);
  download(new Blob([text], { type: format === "csv" ? "text/csv" : "application/json" }), `emotions.${format}`);
}

/** A line a face, and one for a photo without any (RFC 4180). */
function csv(photos) {
  return [COLUMNS, ...photos.flatMap(rows)].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function rows({ file, detection }) {
  const { image, detection_results: { faces } } = detection;
  const shared = [file.name, image.width, image.height];
  if (!faces.length) return [[...shared, ...COLUMNS.slice(shared.length).fill("")]];
  return faces.map((face, index) => {
    const scores = Object.fromEntries(face.emotions.map(({ emotion, score }) => [emotion, score]));
    const { sharpness, brightness, size_px: size } = face.quality;
    return [...shared, index + 1, ...face.box, face.dominant_emotion, ...EMOTIONS.map((emotion) => scores[emotion]),
      face.detection_confidence, sharpness, brightness, size, face.reliable];
  });
}

/** A quoted cell in which no spreadsheet finds a formula, by the rule of the history's export. */
function cell(value) {
  const text = String(value ?? "");
  const harmless = typeof value === "string" ? text.replace(FORMULA, "$1$2'") : text;
  return `"${harmless.replaceAll('"', '""')}"`;
}
