// Where labels go: beside their boxes, or on a corner of them, never over one another, and over another face or
// nearer to it only where nothing else is left. Pure geometry in CSS pixels; the service's drawings follow the same rules.

const GAP_PX = 2;
const MAX_DISTANCE_PX = 56;
const STEP_PX = 9;
const COVERING = 4; // The cost of covering a face, relative to distance from the box.
const STRAYING = 2; // The cost of standing by another box, in heights of the label.
const CLEARLY = 1.25; // A label belongs to its box if it is this many times farther from every other.

/**
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @param {Box[]} boxes  of the faces
 * @param {{width: number, height: number}[]} labels  their sizes, in the order of the boxes
 * @param {{x: ?number, y: ?number, width: number, height: number}} area  no label leaves it
 * @param {{atCorners: boolean, mustBeClear: boolean, sides: (?number)[]}} how  whether labels lie on the corners of
 *   their boxes, as short ones may; whether to give up where not all have a clear place; and at which of its sides each
 *   label was before, where it stays if it can
 * @returns {{places: (?Box)[], sides: (?number)[], isClear: boolean}}  null if there is no room; and whether each label
 *   has a place at its own box and covers no face
 */
export function placeLabels(boxes, labels, area, { atCorners = false, mustBeClear = false, sides: before = [] } = {}) {
  const places = boxes.map(() => null);
  const sides = boxes.map(() => null);
  const topDown = boxes.map((_, index) => index).sort((a, b) => boxes[a].y - boxes[b].y || boxes[a].x - boxes[b].x);
  const othersOf = boxes.map((_, index) => boxes.filter((_box, at) => at !== index));
  const offered = (index) => (atCorners ? onCorners : candidates)(boxes[index], labels[index]);
  const isFree = (place) => isWithin(place, area) && !places.some((other) => other && overlap(place, other));
  const isSettled = topDown.map(() => false);
  let isClear = true;
  for (const index of topDown.filter((each) => Number.isInteger(before[each]))) {
    const { place } = nth(offered(index), before[index]);
    if (!isFree(place) || !judge(place, boxes[index], othersOf[index], atCorners).isFaultless) continue;
    [places[index], sides[index], isSettled[index]] = [place, before[index], true];
  }
  for (const index of topDown.filter((each) => !isSettled[each])) {
    let best = null;
    let bestCost = Infinity;
    let side = -1;
    for (const { place, distance } of offered(index)) {
      side += 1;
      if (distance > bestCost) break; // They come in order of distance.
      if (!isFree(place)) continue;
      const { cost, isFaultless } = judge(place, boxes[index], othersOf[index], atCorners);
      if (distance + cost >= bestCost) continue;
      [best, bestCost] = [{ place, isFaultless, side }, distance + cost];
    }
    [places[index], sides[index]] = [best?.place ?? null, best?.side ?? null];
    isClear &&= best?.isFaultless ?? false;
    if (mustBeClear && !isClear) break;
  }
  return { places, sides, isClear };
}

function nth(offered, number) {
  let at = 0;
  for (const each of offered) {
    if (at === number) return each;
    at += 1;
  }
  return null;
}

function judge(place, box, others, atCorner) {
  const covered = others.reduce((sum, other) => sum + overlap(place, other), 0);
  const own = overlap(place, box);
  // A number may lie on its face, as long as much of that is left.
  const hidden = atCorner ? (place.height * own) / (box.width * box.height) : (COVERING * own) / Math.sqrt(place.width * place.height);
  const isStray = !belongs(place, box, others);
  const cost = hidden + (COVERING * covered) / Math.sqrt(place.width * place.height) + (isStray ? STRAYING * place.height : 0);
  return { cost, isFaultless: !isStray && !covered && (atCorner || !own) };
}

/** Whether nobody would take a label for that of another box. */
function belongs(place, box, others) {
  const own = distance(place, box);
  return others.every((other) => distance(place, other) >= CLEARLY * own);
}

/** How far the middle of a label is from a box. */
function distance(label, box) {
  const [x, y] = [label.x + label.width / 2, label.y + label.height / 2];
  return Math.hypot(Math.max(box.x - x, 0, x - box.x - box.width), Math.max(box.y - y, 0, y - box.y - box.height));
}

/** Places for one label, the nearest first: around the box, then farther out, then within it. */
function* candidates(box, label) {
  for (let away = 0; away <= MAX_DISTANCE_PX; away += STEP_PX) yield* around(box, label, away);
  for (const place of within(box, label)) yield { place, distance: 0 };
}

/** The same for a label on a corner, the upper ones first: across the edge, then within the box; then around it. */
function* onCorners(box, label) {
  const inside = within(box, label);
  for (const at of [0, 2]) { // The upper two, and the lower two.
    const across = (at ? 1 : -1) * (label.height / 2);
    for (const place of inside.slice(at, at + 2)) yield { place: { ...place, y: place.y + across }, distance: at };
    for (const place of inside.slice(at, at + 2)) yield { place, distance: at + 1 };
  }
  for (const each of candidates(box, label)) yield { ...each, distance: each.distance + label.height / 2 };
}

function within(box, label) {
  return [[0, 0], [1, 0], [0, 1], [1, 1]].map(([x, y]) => (
    { ...label, x: box.x + x * (box.width - label.width), y: box.y + y * (box.height - label.height) }));
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

function isWithin(place, { x = 0, y = 0, width, height }) {
  return place.x >= x && place.y >= y && place.x + place.width <= x + width && place.y + place.height <= y + height;
}

/** How many square pixels two boxes share. */
export function overlap(a, b) {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return Math.max(width, 0) * Math.max(height, 0);
}
