// Saving what the page holds as a file.

import { h } from "./dom.js";

const KEPT_MS = 60_000; // Browsers may read the data for a while after the click.

/** @param {Blob} blob  @param {string} name  what the file is called */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}
