// One record of the history, small.

import { call } from "./api.js";
import { h } from "./dom.js";
import { chips } from "./face-card.js";
import { moment } from "./format.js";
import { settings } from "./settings.js";

/** A card that opens its record, and a way to let go of its thumbnail. */
export function historyCard(record, open) {
  const isStream = record.kind === "stream";
  const thumb = h("span", { class: isStream ? "thumb is-stream" : "thumb" }, isStream ? shares(record) : "…");
  const emotions = new Set(record.detection_results.faces.map((face) => face.dominant_emotion));
  const element = h("li", { class: "card" },
    h("button", { type: "button", on: { click: open } }, thumb,
      h("span", { class: "about" },
        h("span", { class: "name" }, nameOf(record)),
        h("span", { class: "muted small" }, moment(record.timestamp)),
        emotions.size ? chips([...emotions]) : h("span", { class: "muted small" }, "no face"))));
  let url = null;
  if (record.kind === "image") {
    pictureOf(record).then((blob) => {
      url = URL.createObjectURL(blob);
      thumb.replaceChildren(h("img", { src: url, alt: "" }));
    }, () => thumb.replaceChildren(record.image_url ? "no picture" : "being stored"));
  }
  return { element, forget: () => URL.revokeObjectURL(url) };
}

export function nameOf(record) {
  return record.filename ?? (record.kind === "stream" ? "Live session" : "Photograph");
}

/** What each face of a live session showed, in bars. */
function shares(record) {
  return record.detection_results.faces.slice(0, 6).map(({ emotions }) =>
    h("span", { class: "shares" }, ...emotions.map(({ emotion, score }) => {
      const part = h("span", { dataset: { emotion } });
      part.style.flexGrow = score;
      return part;
    })));
}

/** The stored photograph. It needs the token, so an `<img>` cannot fetch it. */
export async function pictureOf(record) {
  return (await call(`${settings.apiPrefix}/images/${record.detection_id}`)).blob();
}
