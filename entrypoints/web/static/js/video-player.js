// A video with boxes over it, in step with its picture.

import { h } from "./dom.js";
import { LiveBoxes } from "./live-boxes.js";

const UNPLAYABLE = "This browser cannot play this video.";

/**
 * @param {{source: string, title: string}} shown
 * @returns {{element: HTMLElement, video: HTMLVideoElement, tell: Function, follow: Function}}  `tell` takes the `title` and
 *   `size` of a video that was analysed, and `follow` takes its frames, once they are there, and draws what they say
 */
export function videoPlayer({ source, title }) {
  const video = h("video", {
    src: source, controls: true, playsInline: true, preload: "metadata", "aria-label": title,
    on: {
      seeking: () => boxes.forgetForm(),
      error: () => layer.classList.add("is-unplayable"),
      loadedmetadata: () => size ?? fit(video.videoWidth, video.videoHeight),
    },
  });
  const over = h("div", { class: "over", "aria-hidden": "true" });
  const fault = h("p", { class: "stand-in" }, UNPLAYABLE);
  const facts = h("span", { class: "facts", title }, title);
  const layer = h("div", { class: "layer" }, video, over, fault);
  const boxes = new LiveBoxes(over);
  let size = null;
  let frames = null;

  function fit(width, height) {
    if (width && height) layer.style.setProperty("--ratio", width / height);
  }

  function draw(seconds) {
    if (frames) boxes.show({ faces: frames.at(seconds), image: size }, false);
  }

  /** Draw after each video frame; in browsers without that event, at each animation frame. */
  function watch() {
    if (video.requestVideoFrameCallback) {
      video.requestVideoFrameCallback((_, { mediaTime }) => {
        draw(mediaTime);
        watch();
      });
      return;
    }
    const step = () => {
      draw(video.currentTime);
      if (!video.paused && !video.ended) requestAnimationFrame(step);
    };
    video.addEventListener("play", step);
    video.addEventListener("seeked", step);
  }

  watch();
  new ResizeObserver(() => {
    boxes.forgetForm();
    draw(video.currentTime);
  }).observe(over);
  return {
    element: h("div", { class: "video-view" }, h("figure", { class: "stage video-stage" }, layer, h("figcaption", {}, facts))),
    video,
    tell(known) {
      ({ size } = known);
      fit(size.width, size.height);
      facts.textContent = facts.title = known.title;
      video.setAttribute("aria-label", known.title);
      fault.textContent = `${UNPLAYABLE} The timeline and the table are complete nevertheless.`;
    },
    follow(known) {
      frames = known;
      draw(video.currentTime);
    },
  };
}
