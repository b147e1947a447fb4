// Shrinks photos that are larger than the service takes, and converts what was found in the smaller
// copy into pixels of the original.

const QUALITY = 0.9;
const MAX_AREA_PX = 16_000_000; // Browsers on phones draw no larger canvas.
const TRIES = 5;

/**
 * A JPEG of at most `maxBytes` with as many pixels as fit, upright as the original is shown.
 * @returns {Promise<?{file: File, original: {width: number, height: number}}>} null where the
 *   browser cannot read the photo
 */
export async function shrink(file, maxBytes) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return null;
  const original = { width: bitmap.width, height: bitmap.height };
  let scale = canvasScale(original);
  try {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const blob = await asJpeg(drawScaled(bitmap, original, scale));
      if (!blob) return null;
      if (blob.size <= maxBytes) return { file: new File([blob], file.name, { type: blob.type }), original };
      scale *= 0.95 * Math.sqrt(maxBytes / blob.size);
    }
  } finally {
    bitmap.close();
  }
  return null;
}

/** A detection of the smaller copy, in pixels of the original. */
export function inOriginalPixels(detection, original) {
  const across = original.width / detection.image.width;
  const down = original.height / detection.image.height;
  const faces = detection.detection_results.faces.map((face) => ({
    ...face,
    box: scaleBox(face.box, across, down),
    quality: { ...face.quality, size_px: Math.round(face.quality.size_px * Math.max(across, down)) },
  }));
  return { ...detection, image: original, detection_results: { ...detection.detection_results, faces } };
}

/** Edges are rounded, not sizes, so that a box never leaves the picture. */
function scaleBox([x, y, width, height], across, down) {
  const [left, right] = [x, x + width].map((edge) => Math.round(edge * across));
  const [top, bottom] = [y, y + height].map((edge) => Math.round(edge * down));
  return [left, top, right - left, bottom - top];
}

/** A picture on a canvas, scaled; white shows through where it is transparent, as JPEG knows no transparency. */
export function drawScaled(picture, size, scale) {
  const width = Math.max(1, Math.round(size.width * scale));
  const height = Math.max(1, Math.round(size.height * scale));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, width, height);
  return canvas;
}

/** The canvas as a JPEG; null where the browser cannot make one. */
export const asJpeg = (canvas) => new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", QUALITY); });

/** How much a picture has to shrink to fit on a canvas. */
export const canvasScale = ({ width, height }) => Math.min(1, Math.sqrt(MAX_AREA_PX / (width * height)));
