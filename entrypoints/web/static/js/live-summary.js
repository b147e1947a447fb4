// The summary of a session that was stopped.

import { h } from "./dom.js";
import { count, share, timeSpan } from "./format.js";
import { nameOfTrack } from "./live-boxes.js";
import { portraitPlace } from "./portraits.js";

const MAX_ROWS = 20;

/** The faces that were seen longest, in the order they appeared. */
export function seenLongest(tracks, max) {
  const longest = new Set([...tracks].sort((a, b) => b.timeline.length - a.timeline.length).slice(0, max));
  return tracks.filter((track) => longest.has(track));
}

/**
 * `tellsKept` is false in the history, where it is obvious; no frame of a video is dropped, and its portraits are cut out later.
 * @param {(id: string) => ?Node} portraitOf  how a face looked, where that is known
 */
export function liveSummary(summary, { tellsKept = true, isVideo = false, portraitOf = () => null } = {}) {
  const { frames, tracks } = summary;
  const rows = seenLongest(tracks, MAX_ROWS).map((track) => {
    const shares = track.emotions.filter((each) => each.time_share >= 0.05)
      .sort((a, b) => b.time_share - a.time_share)
      .map((each) => `${each.emotion} ${share(each.time_share)}`);
    return h("tr", {},
      h("th", { scope: "row" }, portraitIn(track), nameOfTrack(track.tracking_id)),
      h("td", {}, timeSpan(track.last_seen - track.first_seen)),
      h("td", {}, shares.join(", ")));
  });
  function portraitIn(track) {
    const portrait = portraitOf(track.tracking_id);
    if (!portrait && !isVideo) return null;
    const place = portraitPlace(track);
    if (portrait) place.append(portrait);
    return place;
  }

  const dropped = isVideo ? "" : `, ${frames.dropped} dropped`;
  return h("section", { class: "panel summary", "aria-label": "Summary of the session" },
    h("h3", {}, "Summary"),
    h("p", { class: "small" },
      `${timeSpan(summary.duration)}, ${count(frames.processed, "frame")} analysed${dropped}.`,
      ...(tellsKept ? whatWasKept(summary) : [])),
    rows.length ? h("table", {},
      h("thead", {}, h("tr", {}, ...["Face", "Seen for", "Share of that time"].map((text) =>
        h("th", { scope: "col" }, text)))),
      h("tbody", {}, ...rows)) : h("p", { class: "small" }, "No face was found."),
    tracks.length > rows.length ? h("p", { class: "muted small" },
      `Of ${tracks.length} faces, the ${rows.length} seen longest are listed.`) : null);
}

function whatWasKept({ detection_id: id }) {
  if (!id) return [" It was not saved: for that, end a session with “Stop and save”."];
  return [" It was saved in your history. ", h("a", { href: `#history/${id}` }, "Open it")];
}
