// The webcam: which there are, its pictures, and frames of them as JPEG.

import { ApiError } from "./transport.js";

const MAX_SIDE_PX = 640;
const JPEG_QUALITY = 0.8;
const KEPT = 3; // The picture that is drawn, and those of the two frames that are not answered.

const REASONS = {
  NotAllowedError: "The browser is not allowed to use the camera. Allow it in the address bar, then start again.",
  NotFoundError: "No camera was found. Plug one in, then start again.",
  NotReadableError: "The camera is in use by another program.",
};

export class Camera {
  #stream = null;
  #canvases = Array.from({ length: KEPT }, () => document.createElement("canvas"));

  constructor(video) {
    this.video = video;
  }

  /** Show the pictures of a camera; the default one without a `deviceId`. */
  async open(deviceId) {
    if (!navigator.mediaDevices) {
      throw failure("Browsers allow the camera only on HTTPS pages and on localhost.");
    }
    const ideal = { width: { ideal: 1280 }, height: { ideal: 720 } };
    const video = deviceId ? { ...ideal, deviceId: { exact: deviceId } } : { ...ideal, facingMode: "user" };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video });
    } catch (error) {
      throw failure(REASONS[error.name] ?? error.message);
    }
    this.video.srcObject = this.#stream;
    await this.video.play();
  }

  close() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.video.srcObject = null;
  }

  get deviceId() {
    return this.#stream?.getVideoTracks()[0]?.getSettings().deviceId ?? "";
  }

  /** The current picture: its bytes, its size, and itself until two others were asked for. */
  async frame() {
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, MAX_SIDE_PX / Math.max(videoWidth, videoHeight));
    const width = Math.round(videoWidth * scale);
    const height = Math.round(videoHeight * scale);
    const picture = this.#canvases.shift();
    this.#canvases.push(picture);
    Object.assign(picture, { width, height });
    picture.getContext("2d").drawImage(this.video, 0, 0, width, height);
    const blob = await new Promise((resolve) => {
      picture.toBlob(resolve, "image/jpeg", JPEG_QUALITY);
    });
    return { data: await blob.arrayBuffer(), width, height, picture };
  }
}

/** Pairs of id and name; names are known once a camera was allowed. */
export async function cameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices
    .filter(({ kind, deviceId }) => kind === "videoinput" && deviceId)
    .map(({ deviceId, label }, index) => [deviceId, label || `Camera ${index + 1}`]);
}

function failure(detail) {
  return new ApiError({ title: "The camera cannot be used", detail, code: "camera" });
}
