// One record of the history, large, with what can be done with it.

import { ApiError, call, callForJson } from "./api.js";
import { jsonPanel, requestPanel } from "./code-panels.js";
import { askToConfirm, showDialog } from "./dialogs.js";
import { h, oneAtATime } from "./dom.js";
import { moment, shorten } from "./format.js";
import { nameOf, pictureOf, saveWithBoxes } from "./history-card.js";
import { liveSummary } from "./live-summary.js";
import { problem } from "./problem.js";
import { sessionChart } from "./session-chart.js";
import { settings } from "./settings.js";
import { videoViewer } from "./video-view.js";
import { viewer } from "./viewer.js";

/**
 * Show a record in a dialog.
 * @param {Object} record
 * @param {{newer: boolean, older: boolean}} has  neighbours to go on to
 * @param {{way: ?string, onGone: () => void}} from  `way` is "newer" or "older" if another record led to this one: that
 *   button is used next; `onGone` is called if the record was deleted elsewhere
 * @returns {{close: () => void, outcome: Promise<string>}}  `outcome` comes when the dialog was closed: "deleted",
 *   "newer" or "older" for what is to be shown next, or ""
 */
export function showDetection(record, has, { way = null, onGone = () => {} } = {}) {
  const path = `${settings.apiPrefix}/history/${record.detection_id}`;
  const urls = [];
  const body = h("div", {}, h("p", { class: "muted" }, "Loading …"));
  const trouble = h("div", {});
  const title = h("h2", { id: "detail-title", tabIndex: -1, dir: "auto", title: nameOf(record) }, nameOf(record));
  const steps = { newer: step("newer", "‹", "Newer record"), older: step("older", "›", "Older record") };
  const dialog = h("dialog", { class: "detail", "aria-labelledby": "detail-title", on: { keydown: stepByKey } },
    h("div", { class: "stack" },
      h("div", { class: "detail-head" },
        h("div", { class: "steps" }, steps.newer, steps.older),
        h("div", { class: "title" }, title, h("p", { class: "muted small" }, moment(record.timestamp))),
        h("div", { class: "row" },
          ...downloadButton(),
          h("button", { type: "button", class: "danger", on: { click: erase } }, "Delete")),
        h("button", { type: "button", class: "plain close", title: "Close", "aria-label": "Close",
          on: { click: () => dialog.close() } }, "✕")),
      trouble, body));

  function urlOf(blob) {
    urls.push(URL.createObjectURL(blob));
    return urls.at(-1);
  }

  async function show() {
    if (record.video) {
      const video = await callForJson(`${settings.apiPrefix}/videos/${record.detection_id}`);
      const shown = videoViewer({ video, record });
      body.replaceChildren(h("div", { class: "workspace" },
        h("div", { class: "main" }, shown.stage), h("div", { class: "side" }, shown.details)));
      return;
    }
    if (record.stream) {
      body.replaceChildren(h("div", { class: "session-view" },
        sessionChart(record.stream), liveSummary(record.stream, { tellsKept: false }),
        requestPanel(`/history/${record.detection_id}`), jsonPanel(record)));
      return;
    }
    const shown = viewer({ detection: record, picture: await picture(), title: "" });
    body.replaceChildren(h("div", { class: "workspace" },
      h("div", { class: "main" }, shown.stage), h("div", { class: "side" }, shown.details)));
  }

  async function picture() {
    try {
      const shown = h("img", { src: urlOf(await pictureOf(record)), alt: nameOf(record) });
      await shown.decode();
      return shown;
    } catch (error) {
      await checkThatItExists(error);
      return h("p", { class: "stand-in" }, record.image_url ? "The photo cannot be shown." : "The photo is still being stored.");
    }
  }

  /** Something of the record is missing: it may be stored later, or the record is gone. */
  async function checkThatItExists({ status }) {
    if (status === 404) await call(path);
  }

  function downloadButton() {
    if (record.stream) return [];
    return [h("button", { type: "button", on: { click: oneAtATime(() => attempt(() => saveWithBoxes(record))) } }, "Save with boxes")];
  }

  function step(to, text, name) {
    return h("button", { type: "button", title: name, "aria-label": name, class: "step", disabled: !has[to],
      on: { click: () => dialog.close(to) } }, text);
  }

  function stepByKey(event) {
    const to = { ArrowLeft: "newer", ArrowRight: "older" }[event.key];
    // Arrow keys move a picture that is enlarged, a video, and the cursor.
    if (!has[to] || event.defaultPrevented || event.target.closest("input, video, pre")) return;
    dialog.close(to);
  }

  async function erase() {
    const sure = await askToConfirm({
      title: "Delete this record?",
      text: `${shorten(nameOf(record))} and its results will be deleted. This cannot be undone.`,
      yes: "Delete",
    });
    if (!sure) return;
    await attempt(async () => {
      await call(path, { method: "DELETE" });
      dialog.close("deleted");
    });
  }

  async function attempt(action) {
    try {
      await action();
    } catch (error) {
      trouble.replaceChildren(problem(error));
    }
  }

  attempt(async () => {
    try {
      await show();
    } catch (error) {
      body.replaceChildren();
      if (error.status !== 404) throw error;
      onGone();
      throw new ApiError({ title: "This record is gone", detail: "It was deleted in another tab, or by another program." });
    }
  });
  const outcome = showDialog(dialog).finally(() => urls.forEach((url) => URL.revokeObjectURL(url)));
  if (way) (has[way] ? steps[way] : title).focus(); // The first focus would be on the way back.
  return { close: () => dialog.close(), outcome };
}
