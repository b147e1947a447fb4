// Files that are dropped or pasted anywhere on the page.

import { h } from "./dom.js";

/** @param {(files: FileList) => void} take  not called while a dialog is open */
export function listenForFiles(take) {
  const target = h("div", { class: "drop-here", hidden: true }, h("p", { class: "lead" }, "Drop photos or videos to analyse them"));
  document.body.append(target);
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const isFree = () => !document.querySelector("dialog[open]");

  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    target.hidden = !isFree();
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) target.hidden = true;
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // Otherwise the browser would open the file instead of the page.
    target.hidden = true;
    if (isFree()) take(event.dataTransfer.files);
  });
  addEventListener("paste", ({ clipboardData }) => {
    if (clipboardData?.files.length && isFree()) take(clipboardData.files);
  });
}
