// What was found in a video: a player with boxes, the timeline below it, downloads, a summary.

import { call, callForJson } from "./api.js";
import { jsonPanel, requestPanel } from "./code-panels.js";
import { h, oneAtATime } from "./dom.js";
import { download } from "./download.js";
import { clock, count, timeSpan } from "./format.js";
import { liveSummary } from "./live-summary.js";
import { fillPortraits } from "./portraits.js";
import { problem } from "./problem.js";
import { sessionChart } from "./session-chart.js";
import { settings } from "./settings.js";
import { VideoFrames } from "./video-frames.js";
import { videoPlayer } from "./video-player.js";
import { pathOf } from "./videos.js";

const TABLES = [["csv", "CSV"], ["json", "JSON"], ["jsonl", "JSON lines"]];

/**
 * @param {{video: Object, record: Object, player: ?Object}} shown  `video` as the service returned it, its entry in the
 *   history, and what plays it; left out, it comes from the service
 * @returns {{stage: HTMLElement, details: HTMLElement}}
 */
export function videoViewer({ video, record, player = videoPlayer({ source: fileOf(video), title: "" }) }) {
  const title = record.filename ?? "Video";
  player.tell({ size: record.image, title: facts(title, record) });
  const trouble = h("div", {});
  const chart = sessionChart(record.stream, { video: player.video });
  const summary = liveSummary(record.stream, { tellsKept: false, isVideo: true });

  async function attempt(action) {
    try {
      await action();
    } catch (error) {
      trouble.replaceChildren(problem(error));
    }
  }

  attempt(async () => {
    const frames = new VideoFrames(await callForJson(`${pathOf(video)}/frames?format=json`));
    player.follow(frames);
    fillPortraits([chart, summary], { source: player.video.src, frames, size: record.image });
  });

  player.element.append(chart);
  const stem = title.replace(/\.\w+$/, "");
  const downloadButton = (text, path, name) =>
    h("button", { type: "button", on: { click: oneAtATime(() => attempt(() => save(path, name))) } }, text);
  const tables = TABLES.map(([format, name]) => downloadButton(name, `${pathOf(video)}/frames?format=${format}`, `${stem}.${format}`));
  const picture = downloadButton("Timeline", `${settings.apiPrefix}/history/${record.detection_id}/timeline.svg`, `${stem}.svg`);
  return {
    stage: player.element,
    details: h("div", { class: "details-of-photo" },
      ...unreadable(record.video.unreadable),
      summary,
      h("section", { class: "panel downloads", "aria-label": "Downloads" },
        h("h3", {}, "Download"),
        h("p", { class: "muted small" }, "A row for each analysed frame and face, and the timeline as a picture."),
        h("div", { class: "row" }, ...tables, picture)),
      trouble,
      requestPanel(`/videos/${video.video_id}/frames?format=jsonl`),
      jsonPanel(record)),
  };
}

/** How far the work is, and a way to end it. */
export function videoProgress({ title, cancel }) {
  const bar = h("progress", { "aria-label": `Analysing ${title}` });
  const text = h("p", { role: "status" }, `Sending ${title} …`);
  const element = h("div", { class: "notice progress video-progress" }, text, bar,
    h("button", { type: "button", on: { click: cancel } }, "Cancel"));
  return {
    element,
    showSent(share) {
      text.textContent = share < 1 ? `Sending ${title} … ${Math.floor(100 * share)}\u00a0%` : "Sent. The service is checking it …";
      Object.assign(bar, { max: 1, value: share });
    },
    update(video) {
      text.textContent = inWords(video);
      if (video.status === "running") Object.assign(bar, { max: 1, value: video.progress });
      else bar.removeAttribute("value");
    },
  };
}

/** How far the work on a video is. */
export function inWords({ status, progress, remaining_seconds: seconds }) {
  if (status === "queued") return "Queued …";
  if (status !== "running") return { done: "Analysed", failed: "Failed" }[status] ?? "Cancelled";
  const left = seconds === null ? "" : `, ${clock(Math.ceil(seconds))} left`;
  return `${Math.floor(100 * progress)}\u00a0% analysed${left}`;
}

/** The same origin, whatever name the service has elsewhere: the page may play nothing else. */
function fileOf({ file_url: address }) {
  if (!address) return "";
  const { pathname, search } = new URL(address);
  return pathname + search;
}

function facts(title, { image, stream }) {
  const frames = count(stream.frames.processed, "frame");
  return `${title} · ${image.width} × ${image.height} px · ${timeSpan(stream.duration)} · ${frames} analysed`;
}

function unreadable(stretches) {
  if (!stretches.length) return [];
  const spans = stretches.map(({ from, to }) => `from ${clock(from)} to ${to === null ? "the end" : clock(to)}`);
  return [h("p", { class: "notice" }, `Damaged parts were skipped: ${spans.join("; ")}.`)];
}

async function save(path, name) {
  download(await (await call(path)).blob(), name);
}
