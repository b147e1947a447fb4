// One record of the history, small.

import { call } from "./api.js";
import { h } from "./dom.js";
import { download } from "./download.js";
import { countChips, scoreBar } from "./emotion-counts.js";
import { moment, timeSpan } from "./format.js";
import { settings } from "./settings.js";
import { centreFaces } from "./thumbnail.js";

const MAX_BARS = 5;

/** A card that opens its record; `isComplete` says whether its thumbnail is there, `forget` frees it. */
export function historyCard(record, open) {
  const isImage = record.kind === "image";
  const faces = record.detection_results.faces;
  const thumb = h("span", { class: isImage ? "thumb" : "thumb is-stream" },
    ...(isImage ? ["…"] : [kindOf(record), ...faces.slice(0, MAX_BARS).map(({ emotions }) => scoreBar(emotions))]));
  const element = h("li", { class: "card" },
    h("button", { type: "button", on: { click: open } }, thumb,
      h("span", { class: "about" },
        h("span", { class: "name", dir: "auto", title: nameOf(record) }, nameOf(record)),
        h("span", { class: "muted small" }, moment(record.timestamp)),
        faces.length ? countChips(faces) : h("span", { class: "muted small" }, "no face"))));
  let url = null;
  if (isImage) {
    pictureOf(record).then((blob) => {
      url = URL.createObjectURL(blob);
      const showMissing = () => thumb.replaceChildren("no preview");
      const picture = h("img", { src: url, alt: "", on: { error: showMissing } });
      centreFaces(picture, record);
      thumb.replaceChildren(picture);
    }, () => thumb.replaceChildren(record.image_url ? "no preview" : "being stored"));
  }
  return { element, isComplete: () => !isImage || url !== null, forget: () => URL.revokeObjectURL(url) };
}

function kindOf({ kind, stream }) {
  return h("span", { class: "kind" }, `${kind === "video" ? "▶ Video" : "● Live"} · ${timeSpan(stream.duration)}`);
}

export function nameOf(record) {
  return record.filename ?? { stream: "Live session", video: "Video" }[record.kind] ?? "Photo";
}

/** Download the photo as the service draws it. */
export async function saveWithBoxes(record) {
  const drawn = await (await call(`${settings.apiPrefix}/history/${record.detection_id}/annotated`)).blob();
  downloadDrawn(drawn, nameOf(record));
}

/** Download a photo with boxes, named like the photo. */
export function downloadDrawn(drawn, name) {
  download(drawn, `${name.replace(/\.\w+$/, "")}-faces.jpg`);
}

/** The stored photo. It needs the token, so an `<img>` cannot fetch it. */
export async function pictureOf(record) {
  return (await call(`${settings.apiPrefix}/images/${record.detection_id}`)).blob();
}
