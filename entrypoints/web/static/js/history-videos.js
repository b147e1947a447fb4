// The videos that are not in the history yet: how far each is, and why one failed.

import { call } from "./api.js";
import { h } from "./dom.js";
import { problem } from "./problem.js";
import { videoProgress } from "./video-view.js";
import { followed, pathOf, unfinished } from "./videos.js";

/** @param {() => void} done  called when one of them has its entry in the history */
export function historyVideos(done) {
  const list = h("div", { class: "videos-in-work" });
  let asked = 0;

  async function reload() {
    const number = ++asked;
    const videos = await unfinished().catch(() => []);
    if (number !== asked) return;
    list.replaceChildren(...videos.map((video) => (video.status === "failed" ? failed(video) : inWork(video, number))));
  }

  function inWork(video, number) {
    const shown = videoProgress({ title: nameOf(video), cancel: () => erase(video) });
    follow(video, shown, number).catch(() => {});
    return h("section", { "aria-label": nameOf(video) }, h("h3", {}, nameOf(video)), shown.element);
  }

  async function follow(video, shown, number) {
    for await (const change of followed(video)) {
      if (number !== asked) return;
      shown.update(change);
      if (change.status === "done") done();
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

  return { element: list, reload, stop: () => (asked += 1) };
}

const nameOf = (video) => video.filename ?? "Video";
