// Several photos side by side: a thumbnail, the name, and how many faces show what.

import { h } from "./dom.js";
import { countChips, countsInWords } from "./emotion-counts.js";
import { centreFaces } from "./thumbnail.js";

/** The card of a photo in a list. `open` shows it large. */
export function photoCard(photo, open) {
  const badge = h("span", { class: "state" });
  const found = h("span", { class: "found" });
  const thumb = h("span", { class: "thumb" });
  const button = h("button", { type: "button", on: { click: open } }, thumb,
    h("span", { class: "about" }, h("span", { class: "name", dir: "auto", title: photo.file.name }, photo.file.name), " ", found));

  function update() {
    const faces = photo.detection?.detection_results.faces;
    const summary = inWords(photo);
    badge.dataset.text = { working: "…", failed: "!", done: faces?.length }[photo.state];
    badge.classList.toggle("is-bad", photo.state === "failed");
    button.setAttribute("aria-label", `${photo.file.name}: ${summary}`);
    if (faces && !photo.isVideo) centreFaces(thumb.firstChild, photo.detection);
    found.replaceChildren(faces?.length ? countChips(faces) : h("span", { class: "muted" }, summary));
  }

  function showThumbnail() {
    thumb.replaceChildren(thumbnail(photo), badge);
    update();
  }

  showThumbnail();
  return { element: h("li", { class: "photo" }, button), button, update, showThumbnail };
}

function inWords({ state, error, detection, isCancelled }) {
  if (state === "working") return "analysing …";
  if (state === "failed") return isCancelled ? "cancelled" : `failed: ${error.title ?? error.message}`;
  return countsInWords(detection.detection_results.faces);
}

function thumbnail({ file, url, isVideo }) {
  const on = { error: () => {
    const kind = file.name.split(".").pop().toUpperCase();
    picture.replaceWith(h("span", { class: "muted kind", dataset: { text: kind } }));
  } };
  const picture = isVideo
    ? h("video", { src: url, muted: true, playsInline: true, preload: "metadata", on })
    : h("img", { src: url, alt: "", on });
  return picture;
}
