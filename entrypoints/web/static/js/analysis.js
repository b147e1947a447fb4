// Sending photos: one by one as a guest, in batches when signed in; too large ones made smaller.

import { ApiError, call, callForJson } from "./api.js";
import { bytes, shorten } from "./format.js";
import { session } from "./session.js";
import { settings } from "./settings.js";
import { inOriginalPixels, shrink } from "./shrink.js";
import { eventsOf } from "./sse.js";

const MAX_NAME = 100;
const OF_FILES = [400, 413, 415, 422]; // The status where it is the fault of the file.

/**
 * Analyse photos and report each as soon as it is known.
 * @param {Array<{file: File, sample: ?string, sending: AbortController, showSent: Function}>} photos
 *   `sending` cancels a photo and all that are sent with it; `showSent` is called with the share that is sent, and
 *   whether that is of this photo alone
 * @param {(photo, outcome: {detection?: Object, note?: string, error?: Error}) => void} report
 */
export async function analyse(photos, report) {
  if (session.user && photos.length > 1) {
    for (let at = 0; at < photos.length; at += settings.maxBatchSize) {
      await sendBatch(photos.slice(at, at + settings.maxBatchSize), report);
    }
    return;
  }
  let left = photos;
  while (left.length) {
    const [photo, ...others] = left;
    left = others;
    try {
      photo.sending.signal.throwIfAborted(); // To make it smaller takes a while.
      const copy = await fitToLimit(photo.file);
      report(photo, outcomeOf(await resultOf(photo, copy.file), copy, photo.file));
    } catch (error) {
      report(photo, { error: OF_FILES.includes(error.status) ? refusal(error.message, error.code) : error });
      if (error.code !== "quota_exceeded") continue;
      for (const other of left) report(other, { error }); // Another request would fail in the same way.
      left = [];
    }
  }
}

/** The samples are answered without a charge to guests; for users they are photos like any other. */
function resultOf(photo, file) {
  return photo.sample && !session.user
    ? callForJson(`/samples/${photo.sample}`, { signal: photo.sending.signal })
    : sendOne(photo, file);
}

function sendOne({ sending: { signal }, showSent: onProgress }, file) {
  signal.throwIfAborted(); // It may have been cancelled while it was made smaller.
  const form = new FormData();
  form.append("file", file, nameOf(file));
  return callForJson(`${settings.apiPrefix}/detect`, { method: "POST", body: form, signal, onProgress });
}

async function sendBatch(photos, report) {
  // Events name the file they are about, so every file of a batch needs a name of its own.
  const waiting = new Map();
  const form = new FormData();
  const signal = anyOf(photos.map(({ sending }) => sending.signal));
  for (const photo of photos) {
    try {
      signal.throwIfAborted();
      const copy = await fitToLimit(photo.file);
      const name = unusedName(nameOf(photo.file), waiting);
      waiting.set(name, { photo, copy });
      form.append("files", copy.file, name);
    } catch (error) {
      report(photo, { error });
    }
  }
  if (!waiting.size) return;
  try {
    const onProgress = (share) => photos.forEach(({ showSent }) => showSent(share, { isAlone: false }));
    const response = await call(`${settings.apiPrefix}/detect/batch`, { method: "POST", body: form, signal, onProgress });
    for await (const event of eventsOf(response.body)) {
      const { photo, copy } = waiting.get(event.filename) ?? {};
      if (!photo) continue;
      waiting.delete(event.filename);
      report(photo, outcomeOfEvent(event, copy, photo.file));
    }
    throw new ApiError({ title: "No answer", detail: "The service stopped before it had analysed this photo.", status: 503 });
  } catch (error) {
    for (const { photo } of waiting.values()) report(photo, { error });
  }
}

/** A signal that is given with the first of several. */
function anyOf(signals) {
  const one = new AbortController(); // Browsers of 2023 lack AbortSignal.any.
  for (const signal of signals) {
    if (signal.aborted) one.abort(signal.reason);
    signal.addEventListener("abort", () => one.abort(signal.reason), { once: true });
  }
  return one.signal;
}

function outcomeOfEvent(event, copy, file) {
  if (event.status === "completed") return outcomeOf(event, copy, file);
  return { error: refusal(event.error, event.code) };
}

/** The same words for a file that is sent alone and for one of a batch. */
function refusal(detail, code) {
  return new ApiError({ title: "This photo could not be analysed", detail, code, type: `/problems/${code}`, status: 400 });
}

/** What is sent for a file: the file itself, or a smaller copy if it has too many bytes. */
async function fitToLimit(file) {
  if (file.size <= settings.maxUploadBytes) return { file };
  const smaller = await shrink(file, settings.maxUploadBytes);
  if (smaller) return smaller;
  throw new ApiError({
    title: "File too large",
    detail: `the limit is ${bytes(settings.maxUploadBytes)}, and this browser cannot reduce the file. `
      + "Save it as JPEG, then try again.",
    code: "image_too_large",
    type: "/problems/image_too_large",
  });
}

function outcomeOf(detection, { file: sent, original }, file) {
  if (!original) return { detection, note: null };
  return { detection: inOriginalPixels(detection, original), note: `reduced from ${bytes(file.size)} to ${bytes(sent.size)} before sending` };
}

function unusedName(name, taken) {
  const [, stem, suffix] = /^(.*?)(\.[^.]*)?$/s.exec(name);
  let free = name;
  for (let number = 2; taken.has(free); number += 1) free = `${stem} (${number})${suffix ?? ""}`;
  return free;
}

const nameOf = (file) => shorten(file.name.replace(/[\\/]/g, "_"), MAX_NAME) || "photo";
