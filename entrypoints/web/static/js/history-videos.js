// The videos that are not in the history yet: how far each is, and why one failed.

import { call } from "./api.js";
import { h } from "./dom.js";
import { shorten } from "./format.js";
import { problem } from "./problem.js";
import { videoProgress } from "./video-view.js";
import { follow, pathOf, unfinishedVideos } from "./videos.js";

/** @param {() => void} onDone  called when one of them has its entry in the history */
export function historyVideos(onDone) {
  const list = h("div", { class: "videos-in-work" });
  let latestRequest = 0;

  async function reload() {
    const number = ++latestRequest;
    const videos = await unfinishedVideos().catch(() => []);
    if (number !== latestRequest) return;
    list.replaceChildren(...videos.map((video) => (video.status === "failed" ? failed(video) : inWork(video, number))));
  }

  function inWork(video, number) {
    const shown = videoProgress({ title: nameOf(video), cancel: () => erase(video) });
    showChanges(video, shown, number).catch(() => {});
    return h("section", { "aria-label": nameOf(video) }, h("h3", {}, nameOf(video)), shown.element);
  }

  async function showChanges(video, shown, number) {
    for await (const change of follow(video)) {
      if (number !== latestRequest) return;
      shown.update(change);
      if (change.status === "done") onDone();
      else if (change.status === "failed") reload();
    }
  }

  function failed(video) {
    const remove = h("button", { type: "button", on: { click: () => erase(video) } }, "Delete");
    return problem(video.error, `${nameOf(video)}: ${video.error.title}`, [remove]);
  }

  async function erase(video) {
    await call(pathOf(video), { method: "DELETE" }).catch(() => {});
    reload();
  }

  return { element: list, reload, stop: () => (latestRequest += 1) };
}

const nameOf = (video) => shorten(video.filename ?? "Video");
