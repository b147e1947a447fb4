// The videos that are still in work, as links: they go on where the page was left.

import { announce, h } from "./dom.js";
import { problem } from "./problem.js";
import { session } from "./session.js";
import { inWords } from "./video-view.js";
import { follow, IN_WORK, unfinishedVideos } from "./videos.js";

export function videosInWork() {
  const list = h("ul", { class: "unfinished", "aria-label": "Videos in work", hidden: true });
  let latestRequest = 0;

  async function reload() {
    const number = ++latestRequest;
    const videos = session.user ? await unfinishedVideos().catch(noneBut) : [];
    if (number !== latestRequest) return;
    const unfinished = videos.filter(({ status }) => IN_WORK.includes(status));
    list.hidden = !unfinished.length;
    list.replaceChildren(...unfinished.map((video) => line(video, () => number === latestRequest)));
  }

  /** This is the first request of a visit: where it finds that a sign-in has ended, say so. */
  function noneBut(error) {
    if (error.code === "signed_out") announce(problem(error));
    return [];
  }

  function line(video, isLatest) {
    const name = video.filename ?? "Video";
    const link = h("a", { href: "#history", dir: "auto", title: name }, name);
    const text = h("span", { class: "muted" });
    (async () => {
      for await (const change of follow(video)) {
        if (!isLatest()) return;
        text.textContent = inWords(change);
        if (change.status === "done") link.href = `#history/${change.detection_id}`;
      }
    })().catch(() => {});
    return h("li", {}, link, " ", text);
  }

  session.addEventListener("change", reload);
  reload();
  return { element: list, reload };
}
