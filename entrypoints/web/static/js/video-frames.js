// What the faces of a video show at any time: the rows of its table, by time.

import { EMOTIONS } from "./settings.js";

// Times the usual step between two frames. Faces move from frame to frame over at most this time, and stay for as long after
// the last one; over a longer step they stay where they are.
const MAX_STEPS = 1.5;

export class VideoFrames {
  #times = [];
  #faces = [];
  #step = 0;

  /** @param {Object[]} rows  of the table of frames, in order */
  constructor(rows) {
    for (const row of rows) {
      if (this.#times.at(-1) !== row.time) {
        this.#times.push(row.time);
        this.#faces.push([]);
      }
      if (row.face_id) this.#faces.at(-1).push(faceOf(row));
    }
    const steps = this.#times.slice(1).map((time, index) => time - this.#times[index]).sort((a, b) => a - b);
    this.#step = steps[steps.length >> 1] ?? 1;
  }

  /** The faces at a time in seconds, with their boxes between two frames where they moved. */
  at(seconds) {
    const index = this.#indexAt(seconds);
    if (index < 0) return [];
    const [before, after] = [this.#times[index], this.#times[index + 1]];
    if (after === undefined && seconds - before > MAX_STEPS * this.#step) return [];
    const isNear = after - before <= MAX_STEPS * this.#step;
    const share = isNear ? (seconds - before) / (after - before) : 0;
    return this.#faces[index].map((face) => {
      const next = share && this.#faces[index + 1].find(({ tracking_id: id }) => id === face.tracking_id);
      return next ? { ...face, box: interpolate(face.box, next.box, share) } : face;
    });
  }

  /** Where each face is seen best, in the order of time: the largest that can be relied on. */
  bestViews() {
    const best = new Map();
    this.#faces.forEach((faces, index) => {
      for (const { tracking_id: id, box, reliable } of faces) {
        const worth = box[2] * box[3] * (reliable ? 1 : 0.01);
        if (!(best.get(id)?.worth >= worth)) best.set(id, { id, time: this.#times[index], box, worth });
      }
    });
    return [...best.values()].sort((a, b) => a.time - b.time);
  }

  /** The last frame that is not later. */
  #indexAt(seconds) {
    let [low, high] = [0, this.#times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[middle] <= seconds + 1e-3) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function faceOf(row) {
  const emotions = EMOTIONS.map((emotion) => ({ emotion, score: row[emotion] })).sort((a, b) => b.score - a.score);
  return {
    tracking_id: row.face_id,
    box: [row.x, row.y, row.width, row.height],
    emotions,
    dominant_emotion: row.dominant_emotion,
    reliable: row.reliable,
  };
}

const interpolate = (from, to, share) => from.map((side, index) => side + share * (to[index] - side));
