// Sending photographs: one by one as a guest, in batches when signed in.

import { ApiError, call, callForJson } from "./api.js";
import { bytes } from "./format.js";
import { session } from "./session.js";
import { settings } from "./settings.js";
import { eventsOf } from "./sse.js";

/**
 * Analyse photographs and report each as soon as it is known.
 * @param {Array<{file: File}>} photos
 * @param {(photo, outcome: {detection?: Object, error?: Error}) => void} report
 */
export async function analyse(photos, report) {
  const [fit, tooLarge] = divide(photos, ({ file }) => file.size <= settings.maxUploadBytes);
  for (const photo of tooLarge) report(photo, { error: isTooLarge(photo.file) });
  if (session.user && fit.length > 1) {
    for (let at = 0; at < fit.length; at += settings.maxBatchSize) {
      await sendBatch(fit.slice(at, at + settings.maxBatchSize), report);
    }
    return;
  }
  for (const photo of fit) {
    try {
      report(photo, { detection: await sendOne(photo) });
    } catch (error) {
      report(photo, { error });
    }
  }
}

function sendOne({ file }) {
  const form = new FormData();
  form.append("file", file, nameOf(file));
  return callForJson(`${settings.apiPrefix}/detect`, { method: "POST", body: form });
}

async function sendBatch(photos, report) {
  // Events name the file they are about, so every file of a batch needs a name of its own.
  const waiting = new Map();
  const form = new FormData();
  for (const photo of photos) {
    const name = unused(nameOf(photo.file), waiting);
    waiting.set(name, photo);
    form.append("files", photo.file, name);
  }
  try {
    const response = await call(`${settings.apiPrefix}/detect/batch`, { method: "POST", body: form });
    for await (const event of eventsOf(response.body)) {
      const photo = waiting.get(event.filename);
      if (!photo) continue;
      waiting.delete(event.filename);
      report(photo, outcomeOf(event));
    }
    throw new ApiError({ title: "No answer", detail: "The service stopped before this photograph was done." });
  } catch (error) {
    for (const photo of waiting.values()) report(photo, { error });
  }
}

function outcomeOf(event) {
  if (event.status === "completed") return { detection: event };
  const title = "This photograph could not be analysed";
  return { error: new ApiError({ title, detail: event.error, code: event.code }) };
}

function unused(name, taken) {
  const [, stem, suffix] = /^(.*?)(\.[^.]*)?$/s.exec(name);
  let free = name;
  for (let number = 2; taken.has(free); number += 1) free = `${stem} (${number})${suffix ?? ""}`;
  return free;
}

function nameOf(file) {
  return file.name.replace(/[\\/]/g, "_").slice(-100) || "photograph";
}

function isTooLarge(file) {
  return new ApiError({
    title: "File too large",
    detail: `It has ${bytes(file.size)}; at most ${bytes(settings.maxUploadBytes)} are taken.`,
    code: "image_too_large",
    type: "/problems/image_too_large",
  });
}

function divide(items, test) {
  return [items.filter(test), items.filter((item) => !test(item))];
}
