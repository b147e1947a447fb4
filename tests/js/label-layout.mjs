// Where the page puts labels; exits with 1 on any fault.
import assert from "node:assert/strict";

import { placeLabels } from "../../entrypoints/web/static/js/label-layout.js";

const AREA = { width: 400, height: 300 };
const box = (x, y) => ({ x, y, width: 60, height: 60 });
const label = { width: 50, height: 18 };

const tests = {
  "a label that moves with its box stays at its side"() {
    const below = placeLabels([box(100, 5)], [label], AREA); // Above it there is no room.
    assert(below.places[0].y > 60);
    const moved = placeLabels([box(100, 40)], [label], AREA, { sides: below.sides });
    assert(moved.places[0].y > 95);
    assert(placeLabels([box(100, 40)], [label], AREA).places[0].y < 40);
  },

  "it leaves its side where another label or the border is in the way"() {
    const above = placeLabels([box(100, 100)], [label], AREA);
    const [place] = placeLabels([box(100, 5)], [label], AREA, { sides: above.sides }).places;
    assert(place.y > 60);
    const both = placeLabels([box(100, 100), box(100, 170)], [label, label], AREA, { sides: [...above.sides, ...above.sides] });
    assert(both.isClear);
  },

  "a number lies on its own box and on no other"() {
    const boxes = [0, 1, 2, 3].flatMap((row) => [0, 1, 2, 3].map((column) => box(10 + 64 * column, 10 + 64 * row)));
    const { places } = placeLabels(boxes, boxes.map(() => ({ width: 20, height: 15 })), AREA, { atCorners: true });
    places.forEach((place, index) => {
      const touched = boxes.flatMap((each, at) => (place.x < each.x + 60 && each.x < place.x + 20
        && place.y < each.y + 60 && each.y < place.y + 15 ? [at] : []));
      assert.deepEqual(touched, [index]);
    });
  },
};

for (const [name, test] of Object.entries(tests)) {
  try {
    test();
  } catch (error) {
    console.error(`${name}: ${error.stack}`);
    process.exitCode = 1;
  }
}
console.log("done");
