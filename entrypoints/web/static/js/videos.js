// Sending a video, and following the work on it.

import { ApiError, call, callForJson } from "./api.js";
import { bytes } from "./format.js";
import { session } from "./session.js";
import { settings } from "./settings.js";
import { eventsOf } from "./sse.js";

const AGAIN_MS = 2000;
export const IN_WORK = ["queued", "running"];

/** Whether a file looks like a video by its name or type; the service looks at its content. */
export const isVideo = ({ type, name }) =>
  type.startsWith("video/") || settings.videoSuffixes.some((suffix) => name.toLowerCase().endsWith(suffix));

export const pathOf = ({ video_id: id }) => `${settings.apiPrefix}/videos/${id}`;

/**
 * Send a video, and yield it at every change until the work on it has ended.
 * @param {File} file
 * @param {{signal: AbortSignal, onProgress: (share: number) => void}} sending  `signal` cancels the upload,
 *   `onProgress` is called with the share that has been sent
 */
export async function* uploadAndFollow(file, sending) {
  if (!session.user) {
    throw new ApiError({
      title: "Videos need an account",
      detail: "Sign in, and the video is analysed and kept in your history.",
      code: "signed_out",
      status: 401,
    });
  }
  if (file.size > settings.maxVideoBytes) {
    throw new ApiError({
      title: "This video is too large",
      detail: `It has ${bytes(file.size)}; the limit is ${bytes(settings.maxVideoBytes)}.`,
      code: "video_too_large",
      status: 413,
    });
  }
  const form = new FormData();
  form.append("file", file, file.name);
  const video = await callForJson(`${settings.apiPrefix}/videos`, { method: "POST", body: form, ...sending });
  yield* follow(video);
}

/** A video now, and at every change until the work on it has ended. */
export async function* follow(video) {
  yield video;
  while (IN_WORK.includes(video.status)) {
    for await (const change of changes(video)) yield (video = change);
  }
}

/** The videos of the user that are not in the history yet: queued, running, or failed. */
export const unfinishedVideos = () => callForJson(`${settings.apiPrefix}/videos`);

/** The changes of a video; if the connection breaks, the next call continues. */
async function* changes(video) {
  try {
    yield* eventsOf((await call(`${pathOf(video)}/events`)).body);
  } catch (error) {
    if (error.status >= 400 && error.status < 500) throw error;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
