"""Faces of a live session on the page: their boxes, and a line for each."""

from itertools import pairwise

import pytest
from playwright.async_api import Page

from tests.e2e.browser.answers import face

# Shows two faces so far apart, in steps of 100 ms, and says which form their labels have.
FORMS = """async ({face, gaps}) => {
    const { LiveBoxes } = await import("/web/js/live-boxes.js");
    const layer = document.createElement("div");
    layer.style.cssText = "position: relative; width: 400px; height: 300px";
    document.body.replaceChildren(layer);
    const boxes = new LiveBoxes(layer);
    let now = performance.now();
    performance.now = () => now;
    return gaps.map((gap) => {
        now += 100;
        const faces = [20, 60 + gap].map((x, index) => ({
            ...face, box: [x, 100, 40, 130], tracking_id: `face_${index}`,
        }));
        boxes.show({ faces, image: { width: 400, height: 300 } }, false);
        return layer.querySelector(".label").dataset.form;
    });
}"""
NEAR, FAR = 4, 200


@pytest.mark.parametrize(
    ("gaps", "changes"),
    [
        ([FAR, *[NEAR, FAR] * 15], 1),  # A face on the edge: shorter once, and not back and forth.
        ([FAR, NEAR, *[FAR] * 30], 2),  # Where there is room again for long, the words come back.
    ],
)
async def test_labels_do_not_change_their_form_with_every_frame(
    signed_in: Page, gaps: list[int], changes: int
) -> None:
    forms = await signed_in.evaluate(FORMS, {"face": face((0, 0, 9, 9), "happy"), "gaps": gaps})
    assert forms[0] == "full"
    assert sum(one != other for one, other in pairwise(forms)) == changes
