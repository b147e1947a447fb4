// What remains of a session that was stopped.

import { h } from "./dom.js";
import { count, duration, percent } from "./format.js";

export function liveSummary(summary) {
  const { frames, tracks } = summary;
  const rows = tracks.slice(0, 20).map((track) => {
    const shares = track.emotions.filter((each) => each.time_share >= 0.05)
      .sort((a, b) => b.time_share - a.time_share)
      .map((each) => `${each.emotion} ${percent(each.time_share)}`);
    return h("tr", {},
      h("th", { scope: "row" }, track.tracking_id.replace("face_", "Face ")),
      h("td", {}, duration(track.last_seen - track.first_seen)),
      h("td", {}, shares.join(", ")));
  });
  const kept = summary.detection_id ? " It is in your history." : "";
  return h("section", { class: "panel summary", "aria-labelledby": "summary-title" },
    h("h3", { id: "summary-title" }, "The session"),
    h("p", { class: "small" },
      `${duration(summary.duration)}, ${count(frames.processed, "frame")} read, ${frames.dropped} dropped.${kept}`),
    rows.length ? h("table", {},
      h("thead", {}, h("tr", {}, ...["Face", "Seen for", "Share of its time"].map((text) =>
        h("th", { scope: "col" }, text)))),
      h("tbody", {}, ...rows)) : h("p", { class: "small" }, "No face was seen."));
}
