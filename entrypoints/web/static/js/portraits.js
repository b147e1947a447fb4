// Who "Face 5" of a video is: each face cut out of the video, in its browser, where it is seen best.

import { h } from "./dom.js";
import { cutOut } from "./face-list.js";

const LATER_S = 0.005; // Times are rounded: the frame at a time must not be the one before.

/** The place for the portrait of a track. */
export const portraitPlace = ({ tracking_id: id }) => h("span", { class: "portrait", dataset: { track: id }, "aria-hidden": "true" });

/**
 * Fill the places in these elements, from when one of them is seen and for as long as one is in the page.
 * Where the browser cannot play the video, remove the places.
 */
export function fillPortraits(elements, { source, frames, size }) {
  const places = elements.flatMap((element) => [...element.querySelectorAll(".portrait")]);
  const views = frames.bestViews().filter(({ id }) => places.some(({ dataset: { track } }) => track === id));

  function whenSeen() {
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      seen.disconnect();
      cut().catch(() => places.forEach((place) => place.remove()));
    });
    elements.forEach((element) => seen.observe(element));
  }

  async function cut() {
    const video = h("video", { src: source, muted: true, playsInline: true, preload: "auto" });
    try {
      while (views.length && elements.some(({ isConnected }) => isConnected)) {
        const { id, time, box } = views[0];
        await seek(video, time + LATER_S);
        for (const place of places) if (place.dataset.track === id) place.replaceChildren(cutOut(video, box, size));
        views.shift();
      }
    } finally {
      video.removeAttribute("src");
      video.load(); // Otherwise it would go on loading.
    }
    if (views.length) whenSeen();
  }

  whenSeen();
}

function seek(video, time) {
  return new Promise((resolve, reject) => {
    video.addEventListener("seeked", resolve, { once: true });
    video.addEventListener("error", reject, { once: true });
    video.currentTime = time;
  });
}
