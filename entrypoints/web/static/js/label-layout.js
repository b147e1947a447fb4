// Where labels go: beside their boxes, never over one another, and over a face only where nothing
// else is left. Pure geometry in CSS pixels; the service's drawings follow the same rules.

const GAP_PX = 2;
const MAX_DISTANCE_PX = 56;
const STEP_PX = 9;

/**
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @param {Box[]} boxes  of the faces
 * @param {{width: number, height: number}[]} labels  their sizes, in the order of the boxes
 * @param {{width: number, height: number}} area  no label leaves it
 * @returns {{places: (?Box)[], covered: number}}  null if there is no room, and how many
 *   square pixels of faces lie under labels
 */
export function placeLabels(boxes, labels, area) {
  const places = boxes.map(() => null);
  const topDown = boxes.map((_, index) => index).sort((a, b) => boxes[a].y - boxes[b].y || boxes[a].x - boxes[b].x);
  let covered = 0;
  for (const index of topDown) {
    let best = null;
    let bestCost = Infinity;
    for (const { place, distance } of candidates(boxes[index], labels[index])) {
      if (distance > bestCost) break; // They come in order of distance.
      if (!isWithin(place, area) || places.some((other) => other && overlap(place, other))) continue;
      const hidden = boxes.reduce((sum, box) => sum + overlap(place, box), 0);
      const cost = distance + 4 * hidden / Math.sqrt(place.width * place.height);
      if (cost >= bestCost) continue;
      [best, bestCost] = [{ ...place, covers: hidden }, cost];
    }
    covered += best?.covers ?? 0;
    places[index] = best;
  }
  return { places, covered };
}

/** Places for one label, the nearest first: around the box, then farther out, then within it. */
function* candidates(box, label) {
  for (let away = 0; away <= MAX_DISTANCE_PX; away += STEP_PX) yield* around(box, label, away);
  for (const [x, y] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
    yield {
      place: { ...label, x: box.x + x * (box.width - label.width), y: box.y + y * (box.height - label.height) },
      distance: 0,
    };
  }
}

function* around(box, label, away) {
  const out = GAP_PX + away;
  const columns = [box.x, box.x + (box.width - label.width) / 2, box.x + box.width - label.width];
  const rows = [box.y, box.y + (box.height - label.height) / 2, box.y + box.height - label.height];
  const above = box.y - label.height - out;
  const below = box.y + box.height + out;
  const left = box.x - label.width - out;
  const right = box.x + box.width + out;
  for (const y of [above, below]) for (const x of columns) yield { place: { ...label, x, y }, distance: away };
  for (const x of [left, right]) for (const y of rows) yield { place: { ...label, x, y }, distance: away + 1 };
  for (const x of [left, right]) for (const y of [above, below]) yield { place: { ...label, x, y }, distance: away + 2 };
}

function isWithin(place, area) {
  return place.x >= 0 && place.y >= 0 && place.x + place.width <= area.width && place.y + place.height <= area.height;
}

/** How many square pixels two boxes share. */
export function overlap(a, b) {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return Math.max(width, 0) * Math.max(height, 0);
}
