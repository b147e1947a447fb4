// A kept session over time: for each face a row with a bar a second, as high as the score of the
// emotion that led and in its colour; in long sessions a bar stands for several seconds. Drawn in the
// colours of the page, as wide as there is room.

import { h } from "./dom.js";
import { chips } from "./emotion-counts.js";
import { clock, share } from "./format.js";
import { nameOfTrack } from "./live-boxes.js";
import { seenLongest } from "./live-summary.js";
import { portraitPlace } from "./portraits.js";
import { EMOTIONS } from "./settings.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 56;
const MAX_ROWS = 40;
const MAX_TALL_ROWS = 6; // More faces get low rows in a box that scrolls: the player above stays in view.
const MAX_BARS = 400; // in a row
const MAX_TICKS = 6;
const MAX_TICKS_ON_PHONES = 4;
const LAST_TICK_SHARE = 0.95; // of the width: later ones end there
const STEPS_S = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400];

/**
 * @param {{duration: number, tracks: Object[]}} summary
 * @param {{video: ?HTMLVideoElement}} options  with a video, the chart leads to any moment of it
 */
export function sessionChart({ duration, tracks }, { video = null } = {}) {
  const seen = tracks.filter(({ timeline }) => timeline.length);
  const shown = seenLongest(seen, MAX_ROWS);
  if (!shown.length) return h("p", { class: "notice" }, "No face was found.");
  const seconds = Math.max(1, duration, ...shown.map(({ timeline }) => timeline.at(-1).second + 1));
  const barS = Math.ceil(seconds / MAX_BARS);
  const unit = barS === 1 ? "a second" : `${barS} seconds`;
  const rows = shown.map((track) => row(track, seconds, barS, video));
  const isDense = shown.length > MAX_TALL_ROWS;
  const classes = ["session-chart panel", video ? "leads" : "", isDense ? "is-dense" : ""].join(" ");
  const box = isDense ? { role: "group", "aria-label": "Faces over time", tabIndex: 0 } : {};
  const left = seen.length > shown.length ? ` Of ${seen.length} faces, the ${shown.length} seen longest are shown.` : "";
  return h("div", { class: classes },
    h("div", { class: "chart-rows", ...box },
      ...rows,
      h("div", { class: "chart-foot" }, axis(seconds), video ? seekBar(video, rows, seconds) : null)),
    chips(EMOTIONS.filter((emotion) => shown.some(({ timeline }) => timeline.some((entry) => entry.emotion === emotion)))),
    h("p", { class: "muted small" },
      `Each bar stands for ${unit}. Its colour is the emotion with the highest score, its height that score.${left}`));
}

function row(track, seconds, barS, video) {
  const name = nameOfTrack(track.tracking_id);
  const chart = svg("svg", { viewBox: `0 0 ${seconds} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": inWords(name, track) });
  for (const part of [0, 0.5, 1]) {
    chart.append(svg("line", { x1: 0, x2: seconds, y1: HEIGHT * part, y2: HEIGHT * part, class: "rule" }));
  }
  for (const { second, emotion, score } of mergeBars(track.timeline, barS)) {
    const bar = svg("rect", { x: second, y: HEIGHT * (1 - score), width: barS, height: HEIGHT * score });
    bar.dataset.emotion = emotion;
    chart.append(bar);
  }
  if (video) {
    chart.append(svg("line", { x1: 0, x2: 0, y1: 0, y2: HEIGHT, class: "head" }));
    chart.addEventListener("click", ({ clientX }) => {
      const { left, width } = chart.getBoundingClientRect();
      video.currentTime = (seconds * (clientX - left)) / width;
    });
  }
  return h("div", { class: "chart-row" },
    video ? nameButton(name, track, video) : h("span", { class: "chart-name" }, name),
    h("span", { class: "chart-scale muted", "aria-hidden": "true" }, h("span", {}, "100\u00a0%"), h("span", {}, "50"), h("span", {}, "0")),
    chart);
}

/** Leads to where a face is first seen. */
function nameButton(name, track, video) {
  const { first_seen: first } = track;
  const label = `${name}: go to ${clock(first)}, where it is first seen`;
  return h("button", { type: "button", class: "chart-name", "aria-label": label, on: { click: () => {
    video.currentTime = first;
  } } }, portraitPlace(track), name);
}

/** For use without a mouse; and lines in the rows that show the position of the video. */
function seekBar(video, rows, seconds) {
  const bar = h("input", { type: "range", min: 0, max: seconds, step: 0.1, value: 0, "aria-label": "Time in the video" });
  const heads = rows.map((each) => each.querySelector(".head"));
  bar.addEventListener("input", () => {
    video.currentTime = bar.value;
  });
  video.addEventListener("timeupdate", () => {
    bar.value = video.currentTime;
    bar.setAttribute("aria-valuetext", clock(video.currentTime));
    for (const head of heads) for (const end of ["x1", "x2"]) head.setAttribute(end, video.currentTime);
  });
  return h("div", { class: "chart-seek" }, bar);
}

/** One entry for each `barS` seconds: the emotion that led in most of them, and its mean score. */
function mergeBars(timeline, barS) {
  if (barS === 1) return timeline;
  const stretches = Map.groupBy(timeline, ({ second }) => Math.floor(second / barS));
  return [...stretches].map(([number, entries]) => {
    const byEmotion = [...Map.groupBy(entries, ({ emotion }) => emotion)];
    const [emotion, led] = byEmotion.reduce((best, each) => (each[1].length > best[1].length ? each : best));
    return { second: number * barS, emotion, score: led.reduce((sum, { score }) => sum + score, 0) / led.length };
  });
}

function axis(seconds) {
  const step = STEPS_S.find((each) => seconds / each <= MAX_TICKS) ?? STEPS_S.at(-1);
  const ticks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => index * step);
  const classes = ticks.length > MAX_TICKS_ON_PHONES ? "chart-axis muted small is-tight" : "chart-axis muted small";
  return h("div", { class: classes, "aria-hidden": "true" }, ...ticks.map((at) => {
    const tick = h("span", { class: at > LAST_TICK_SHARE * seconds ? "is-last" : "" }, clock(at));
    tick.style.left = `${(100 * at) / seconds}%`;
    return tick;
  }));
}

function inWords(name, { emotions }) {
  const [first] = [...emotions].sort((a, b) => b.time_share - a.time_share);
  return `${name}: mostly ${first.emotion} (${share(first.time_share)} of its time)`;
}

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
