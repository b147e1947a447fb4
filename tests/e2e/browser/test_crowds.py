"""Photos of many people on the page."""

from itertools import combinations, product
from typing import Any

import pytest
from playwright.async_api import FloatRect, Page, expect

from tests.e2e.browser.answers import answer_with, detection
from tests.e2e.browser.choosing import choose, file
from tests.e2e.browser.pictures import crowd

WIDTHS = (390, 1280, 1920)
PLACES = """labels => labels.filter((label) => label.checkVisibility())
    .map((label) => label.getBoundingClientRect().toJSON())"""


async def with_crowd(page: Page, columns: int = 6, rows: int = 3) -> None:
    picture, boxes = crowd(columns, rows)
    size = (columns * 160, rows * 160)
    await answer_with(page, detection(boxes, size))
    await page.goto("/")
    await choose(page, file("crowd.jpg", picture))
    await expect(page.locator(".face")).to_have_count(columns * rows)


async def resize(page: Page, width: int, height: int) -> None:
    """Change the size of the window, and wait until the labels are laid out for it."""
    await page.set_viewport_size({"width": width, "height": height})
    # Observers of sizes are told after the layout of a frame; the next one comes after them.
    await page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def overlap(one: Any, other: Any) -> float:
    width = min(one["right"], other["right"]) - max(one["left"], other["left"])
    height = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
    return max(width, 0) * max(height, 0)


@pytest.mark.parametrize(("columns", "rows"), [(3, 2), (6, 3), (10, 6)])
async def test_no_two_labels_overlap(page: Page, columns: int, rows: int) -> None:
    await with_crowd(page, columns, rows)
    for width in WIDTHS:
        await resize(page, width, 900)
        labels = await page.locator(".box .label").evaluate_all(PLACES)
        assert len(labels) == columns * rows
        assert [pair for pair in combinations(labels, 2) if overlap(*pair) > 0.5] == []


@pytest.mark.parametrize(("columns", "rows"), [(6, 3), (10, 6)])
async def test_a_number_lies_on_its_own_face_and_on_no_other(
    page: Page, columns: int, rows: int
) -> None:
    await with_crowd(page, columns, rows)
    for width in WIDTHS:
        await resize(page, width, 844)
        labels = await page.locator(".box .label").evaluate_all(PLACES)
        boxes = await page.locator(".box").evaluate_all(PLACES)
        is_named = await page.locator(".label .word:visible").count() > 0
        for number, label in enumerate(labels):
            touched = [at for at, box in enumerate(boxes) if overlap(label, box) > 1]
            assert touched == ([] if is_named else [number])


async def test_faces_are_named_where_words_have_room_and_else_numbered(page: Page) -> None:
    await with_crowd(page, 2, 1)
    await expect(page.locator(".label").first).to_have_text("1 happy 97\u00a0%")
    assert await page.locator(".label .word:visible").count() == 2
    await with_crowd(page, 6, 3)
    assert await page.locator(".label .word:visible").count() == 18
    assert await page.locator(".label .score:visible").count() == 0
    await resize(page, 390, 844)
    assert await page.locator(".label .word:visible").count() == 0
    assert await page.locator(".label .number:visible").all_inner_texts() == [
        str(number) for number in range(1, 19)
    ]
    for _ in range(2):
        await page.get_by_role("button", name="Zoom in").click()
    assert 0 < await page.locator(".label:visible").count() < 18
    assert await page.locator(".label:visible .number:visible").count() == (
        await page.locator(".label:visible .word:visible").count()
    )


async def test_a_click_on_a_box_opens_its_line_and_keeps_the_photo_in_view(page: Page) -> None:
    await with_crowd(page)
    for width, number in product(WIDTHS, (18, 1, 9)):
        await resize(page, width, 844)
        await page.locator(".box").nth(number - 1).click()
        line = page.locator(".face").nth(number - 1).get_by_role("button", expanded=True)
        await expect(line).to_be_focused()
        await expect(line).to_be_in_viewport(ratio=1)
        picture, opened = await page.locator(".frame").bounding_box(), await line.bounding_box()
        assert picture is not None
        assert opened is not None
        assert picture["y"] >= 0
        assert picture["y"] + picture["height"] <= 844
        assert not covered(opened, picture)


async def test_a_crowd_is_summarised_and_can_be_filtered_by_emotion(page: Page) -> None:
    await with_crowd(page)
    summary = page.get_by_role("region", name="Summary")
    await expect(summary).to_contain_text("18 faces")
    await expect(summary).to_contain_text("1 face hard to read")
    await summary.get_by_role("button", name="4 neutral").click()
    assert await page.locator(".face:visible").count() == 4
    await summary.get_by_role("button", name="4 neutral").click()
    assert await page.locator(".face:visible").count() == 18
    await expect(summary.get_by_role("button", name="14 happy")).to_be_visible()


async def test_where_all_show_the_same_there_is_nothing_to_filter(page: Page) -> None:
    picture, boxes = crowd(3, 1)
    await answer_with(page, detection(boxes, (480, 160)))
    await page.goto("/")
    await choose(page, file("crowd.jpg", picture))
    summary = page.get_by_role("region", name="Summary")
    await expect(summary).to_contain_text("3 happy")
    await expect(summary.get_by_role("button")).to_have_count(0)


async def test_eighteen_faces_are_seen_without_scrolling(page: Page) -> None:
    await page.set_viewport_size({"width": 1280, "height": 800})
    await with_crowd(page)
    for element in (page.locator(".frame"), *await page.locator(".face").all()):
        await expect(element).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [320, 390, 900, 1280])
async def test_words_and_scores_of_the_list_have_room(page: Page, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 844})
    await with_crowd(page)
    too_wide = """parts => parts.filter((part) => part.scrollWidth > part.clientWidth)
        .map((part) => part.textContent)"""
    assert await page.locator(".line :is(.word, .value)").evaluate_all(too_wide) == []
    words = await page.locator(".line .word").evaluate_all(PLACES)
    values = await page.locator(".line .value").evaluate_all(PLACES)
    assert not [pair for pair in zip(words, values, strict=True) if overlap(*pair) > 0.5]


async def test_a_line_that_appears_under_a_still_pointer_links_nothing(page: Page) -> None:
    await page.set_viewport_size({"width": 1280, "height": 800})
    await with_crowd(page)
    await page.get_by_role("button", name="Clear").click()
    await page.mouse.move(1000, 400)
    await page.evaluate(
        """() => {
            window.over = new Promise((done) => document.addEventListener("pointerover",
                ({ target }) => target.closest(".face") && done()));
            window.linked = false;
            new MutationObserver(() => {
                window.linked ||= document.querySelector(".is-linked") !== null;
            }).observe(document.body, { subtree: true, attributeFilter: ["class"] });
        }"""
    )
    await choose(page, file("crowd.jpg", crowd(6, 3)[0]))
    await page.evaluate("() => window.over")
    await resize(page, 1280, 800)
    assert not await page.evaluate("() => window.linked")
    await page.mouse.move(1001, 400)
    await expect(page.locator(".box.is-linked")).to_have_count(1)


async def test_an_opened_face_leaves_the_list_in_order(page: Page) -> None:
    await page.set_viewport_size({"width": 1280, "height": 800})
    await with_crowd(page)
    await page.locator(".face").nth(3).get_by_role("button").click()
    await expect(page.locator(".face .details:visible")).to_have_count(1)
    places = await page.locator(".face").evaluate_all(PLACES)
    in_order = sorted(range(18), key=lambda at: (places[at]["top"], places[at]["left"]))
    assert in_order == list(range(18))


async def test_the_photo_is_as_wide_with_many_faces_as_with_few(page: Page) -> None:
    for width in (900, 1280, 1920):
        await page.set_viewport_size({"width": width, "height": 844})
        widths = set()
        for columns, rows in ((1, 1), (6, 3)):
            await with_crowd(page, columns, rows)
            stage = await page.locator(".stage").bounding_box()
            assert stage is not None
            widths.add(stage["width"])
        assert len(widths) == 1


async def test_two_close_scores_are_both_named_and_no_score_is_0_or_100(page: Page) -> None:
    await with_crowd(page)
    await expect(page.get_by_role("button", name="Face 6 happy or neutral 43 %")).to_be_visible()
    everything = await page.locator("#detect").inner_text()
    assert "100\u00a0%" not in everything
    assert "\n0\u00a0%" not in everything


async def test_each_line_shows_the_face_itself(page: Page) -> None:
    await with_crowd(page, 2, 1)
    colours = """canvases => canvases.map((canvas) => new Set(canvas.getContext("2d")
        .getImageData(32, 32, 32, 32).data).size)"""
    assert all(each > 40 for each in await page.locator("canvas.crop").evaluate_all(colours))


async def test_a_photo_is_zoomed_and_moved_and_a_tap_beside_a_small_box_counts(
    page: Page,
) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    await with_crowd(page, 10, 6)
    small = await page.locator(".box").nth(24).bounding_box()
    assert small is not None
    assert small["width"] < 30
    await page.mouse.click(small["x"] - 3, small["y"] + small["height"] / 2)
    line = page.locator(".face").nth(24).get_by_role("button", expanded=True)
    await expect(line).to_be_focused()
    for _ in range(3):
        await page.get_by_role("button", name="Zoom in").click()
    large = await page.locator(".box").nth(24).bounding_box()
    assert large is not None
    assert large["width"] > 2.5 * small["width"]
    await page.locator(".frame").hover()
    await page.mouse.down()
    await page.mouse.move(60, 200, steps=4)
    await page.mouse.up()
    moved = await page.locator(".box").nth(24).bounding_box()
    assert moved is not None
    assert abs(moved["x"] - large["x"]) + abs(moved["y"] - large["y"]) > 20
    await page.get_by_role("button", name="Fit the photo").click()
    fitted = await page.locator(".box").nth(24).bounding_box()
    assert fitted is not None
    assert fitted["width"] == pytest.approx(small["width"], abs=1)


def covered(line: FloatRect, picture: FloatRect) -> bool:
    """Whether the picture covers the line."""
    beside = line["x"] >= picture["x"] + picture["width"]
    return not beside and line["y"] < picture["y"] + picture["height"]
