// How the emotions of one face went over the last minute, as areas that fill the height together.

import { h } from "./dom.js";
import { percent } from "./format.js";
import { nameOfTrack } from "./live-boxes.js";
import { EMOTIONS } from "./settings.js";

const SPAN_S = 60;
const STEP_S = 0.2;
const GAP_S = 1.5;
const SLOW_S = 4; // Results may be this far apart before there is a gap between two that both show a face.

export class Timeline {
  #tracks = new Map();
  #results = 0;
  #canvas = h("canvas", { role: "img", "aria-label": "No face yet" });
  #choice = h("select", { "aria-label": "Face in the timeline", on: { change: () => this.choose(this.#choice.value) } });
  #isPicked = false; // Until somebody picks a face, the timeline follows who is there.
  #values = new Map(EMOTIONS.map((emotion) => [emotion, h("span", {})]));

  constructor() {
    const legend = [...this.#values].map(([emotion, value]) =>
      h("li", { dataset: { emotion } }, h("i", {}), h("span", {}, emotion), value));
    this.element = h("section", { class: "panel timeline", "aria-labelledby": "timeline-title" },
      h("div", { class: "head" }, h("h3", { id: "timeline-title" }, "The last minute"), this.#choice),
      h("div", { class: "plot" },
        h("p", { class: "levels", "aria-hidden": "true" }, ...["100\u00a0%", "50", "0"].map((level) => h("span", {}, level))),
        this.#canvas,
        h("p", { class: "scale" }, h("span", {}, `${SPAN_S}\u00a0s ago`), h("span", {}, "now"))),
      h("ul", { class: "legend" }, ...legend));
    this.#updateChoice();
  }

  clear() {
    this.#tracks.clear();
    this.#isPicked = false;
    this.#updateChoice();
    this.#draw();
  }

  choose(id) {
    this.#isPicked = true;
    this.#choice.value = id;
    this.#draw();
  }

  /** Add the faces of a result; a few samples a second are enough to draw. */
  add(faces) {
    const now = performance.now() / 1000;
    this.#results += 1;
    for (const face of faces) {
      const samples = this.#tracks.get(face.tracking_id) ?? [];
      this.#tracks.set(face.tracking_id, samples);
      if (samples.length && now - samples.at(-1).at < STEP_S) continue;
      samples.push({ at: now, result: this.#results, shares: new Map(face.emotions.map(({ emotion, score }) => [emotion, score])) });
      while (samples[0].at < now - SPAN_S) samples.shift();
    }
    for (const [id, samples] of this.#tracks) {
      if (samples.at(-1).at < now - SPAN_S) this.#tracks.delete(id);
    }
    this.#updateChoice();
    if (faces.length && !this.#isPicked && !this.#isThere(now)) this.#choice.value = faces[0].tracking_id;
    this.#draw();
  }

  #isThere(now) {
    const latest = this.#tracks.get(this.#choice.value)?.at(-1);
    return latest !== undefined && isNext(latest, { at: now, result: this.#results + 1 });
  }

  #updateChoice() {
    const ids = [...this.#tracks.keys()];
    const offered = [...this.#choice.options].map(({ value }) => value);
    this.#choice.hidden = !ids.length;
    if (ids.join() === offered.join()) return;
    const chosen = this.#choice.value;
    this.#choice.replaceChildren(...ids.map((id) =>
      h("option", { value: id, textContent: nameOfTrack(id) })));
    this.#isPicked &&= ids.includes(chosen);
    this.#choice.value = ids.includes(chosen) ? chosen : ids[0] ?? "";
  }

  #draw() {
    const scale = devicePixelRatio;
    const width = (this.#canvas.width = this.#canvas.clientWidth * scale);
    const height = (this.#canvas.height = this.#canvas.clientHeight * scale);
    const pen = this.#canvas.getContext("2d");
    const samples = this.#tracks.get(this.#choice.value) ?? [];
    const now = performance.now() / 1000;
    const x = ({ at }) => width * (1 - (now - at) / SPAN_S);
    for (const run of runsOf(samples)) {
      const below = run.map(() => 0);
      for (const [emotion, value] of this.#values) {
        pen.beginPath();
        run.forEach((sample, i) => pen.lineTo(x(sample), height * (1 - below[i])));
        run.forEach((sample, i) => (below[i] += sample.shares.get(emotion) ?? 0));
        run.toReversed().forEach((sample, i) => pen.lineTo(x(sample), height * (1 - below[run.length - 1 - i])));
        pen.closePath();
        pen.fillStyle = getComputedStyle(value.parentElement).getPropertyValue("--emotion");
        pen.fill();
      }
    }
    pen.fillStyle = getComputedStyle(this.#canvas).color;
    for (const level of [0.25, 0.5, 0.75]) pen.fillRect(0, height * level, width, 1);
    this.#showValues(this.#isThere(now) ? samples.at(-1) : null, samples.length ? "Not seen now" : "No face yet");
  }

  #showValues(latest, otherwise) {
    for (const [emotion, value] of this.#values) {
      value.textContent = latest ? percent(latest.shares.get(emotion) ?? 0) : "";
    }
    const [first] = latest ? [...latest.shares].sort((a, b) => b[1] - a[1]) : [];
    this.#canvas.setAttribute("aria-label", first ? `Mostly ${first[0]} now` : otherwise);
  }
}

/** Whether a face was there all the time between a sample of it and what came later: little time passed, or no result. */
function isNext(sample, later) {
  const seconds = later.at - sample.at;
  return seconds < GAP_S || (seconds < SLOW_S && later.result - sample.result <= 1);
}

/** Stretches without a gap: there is nothing to draw while a face was away. */
function runsOf(samples) {
  const runs = [];
  for (const sample of samples) {
    const run = runs.at(-1);
    if (run && isNext(run.at(-1), sample)) run.push(sample);
    else runs.push([sample]);
  }
  return runs;
}
