// A video with boxes over it, in step with its picture.

import { h } from "./dom.js";
import { LiveBoxes } from "./live-boxes.js";

/**
 * @param {{source: string, size: {width: number, height: number}, title: string}} shown
 * @returns {{element: HTMLElement, video: HTMLVideoElement, follow: Function}}  `follow` takes the
 *   frames of the video, once they are there, and draws what they say
 */
export function videoPlayer({ source, size, title }) {
  const video = h("video", {
    src: source, controls: true, playsInline: true, preload: "metadata", "aria-label": title,
    on: { error: () => layer.classList.add("is-unplayable") },
  });
  const over = h("div", { class: "over", "aria-hidden": "true" });
  const layer = h("div", { class: "layer" }, video, over,
    h("p", { class: "stand-in" }, "This browser cannot play this video. The timeline and the table are complete nevertheless."));
  layer.style.setProperty("--ratio", size.width / size.height);
  const boxes = new LiveBoxes(over);
  let frames = null;

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
  new ResizeObserver(() => draw(video.currentTime)).observe(over);
  return {
    element: h("figure", { class: "stage video-stage" }, layer, h("figcaption", {}, h("span", { class: "facts" }, title))),
    video,
    follow(known) {
      frames = known;
      draw(video.currentTime);
    },
  };
}
