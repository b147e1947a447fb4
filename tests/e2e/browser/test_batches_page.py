"""Several photos on the page."""

import csv
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from entrypoints.http.exports import csv_header
from tests.e2e.browser.choosing import choose, file
from tests.e2e.browser.network import limit_upload, slow_down
from tests.e2e.browser.phone import PHONE, TOO_WIDE
from tests.e2e.browser.pictures import astronaut, jpeg, pair, portrait

FIVE_MIB = 5 * 2**20
# Columns of the history's export that a batch lacks.
NOT_OF_A_BATCH = ("detection_id", "timestamp", "image_url", "processing_time", "kind")


async def test_several_photos_are_analysed_at_once_and_each_failure_is_explained(
    signed_in: Page,
) -> None:
    page = signed_in
    await choose(
        page,
        file("same.jpg", portrait()),
        file("same.jpg", pair()),
        file("notes.jpg", b"not a photo"),
        file("huge.jpg", bytes(FIVE_MIB + 1)),
    )
    photos = page.get_by_role("list", name="Photos")
    await expect(photos.get_by_role("button", name="same.jpg: 1 happy")).to_be_visible()
    await expect(photos.get_by_role("button", name="same.jpg: 2 happy")).to_be_visible()
    await photos.get_by_role("button", name="notes.jpg: failed").click()
    await expect(page.get_by_role("alert")).to_contain_text("could not be analysed")
    await photos.get_by_role("button", name="huge.jpg: failed").click()
    await expect(page.get_by_role("alert")).to_contain_text("The limit is 5 MiB")
    await photos.get_by_role("button", name="same.jpg: 2 happy").click()
    await expect(page.locator(".box")).to_have_count(2)


async def test_a_batch_is_summarised_exported_and_cleared(signed_in: Page, tmp_path: Path) -> None:
    page = signed_in
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(13)])
    everything = page.get_by_role("region", name="All photos")
    await expect(everything).to_contain_text("13 of 13 photos analysed", timeout=60_000)
    await expect(everything).to_contain_text("13 happy")
    last = page.get_by_role("button", name="12.jpg: 1 happy")
    await expect(last).to_be_in_viewport()
    async with page.expect_download() as download:
        await everything.get_by_role("button", name="CSV").click()
    await (await download.value).save_as(tmp_path / "batch.csv")
    rows = list(csv.DictReader((tmp_path / "batch.csv").read_text().splitlines()))
    columns = csv_header().decode("utf-8-sig").replace('"', "").strip().split(",")
    assert list(rows[0]) == [column for column in columns if column not in NOT_OF_A_BATCH]
    assert [row["filename"] for row in rows] == [f"{number}.jpg" for number in range(13)]
    assert {row["dominant_emotion"] for row in rows} == {"happy"}
    await last.click()
    await expect(page.locator(".box")).to_have_count(1)
    await page.go_back()
    await expect(everything).to_be_visible()
    await last.click()
    await page.get_by_role("button", name="Overview").click()
    await expect(everything).to_be_visible()
    await page.get_by_role("button", name="Clear").click()
    await expect(page.get_by_text("Which emotions does a face show?")).to_be_visible()
    await expect(last).to_have_count(0)


WHAT_IS_SAID_BEFORE_THE_ANSWER_ENDS = """() => {
    const said = document.querySelector(".batch [role='status']");
    window.unended = [];
    new MutationObserver(() => {
        const ended = performance.getEntriesByType("resource").map(({ name }) => name);
        if (!ended.some((name) => name.endsWith("/batch"))) window.unended.push(said.textContent);
    }).observe(said, { childList: true });
}"""


async def test_the_results_of_a_batch_appear_one_by_one(signed_in: Page) -> None:
    page = signed_in
    await page.evaluate(WHAT_IS_SAID_BEFORE_THE_ANSWER_ENDS)
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(12)])
    await expect(page.get_by_text("12 of 12 photos analysed")).to_be_visible()
    assert "1 of 12 photos analysed …" in await page.evaluate("() => window.unended")


async def test_a_batch_shows_how_far_it_is_and_can_be_cancelled(signed_in: Page) -> None:
    page = signed_in
    await slow_down(page)
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(2)])
    everything = page.get_by_role("region", name="All photos")
    bar = everything.get_by_role("progressbar", name="Photos analysed")
    await expect(everything).to_contain_text(re.compile("[1-9]\\d?\u00a0%"))
    await expect(bar).to_be_in_viewport(ratio=1)
    await expect(everything.get_by_role("heading", name="0 faces")).to_have_count(0)
    await everything.get_by_role("button", name="Cancel").press("Enter")
    await expect(everything).to_contain_text("0 of 2 photos analysed, 2 cancelled")
    await expect(bar).to_be_hidden()
    await expect(page.locator(".main")).to_be_focused()
    await limit_upload(page, -1)
    await everything.get_by_role("button", name="Try 2 again").click()
    await expect(everything).to_contain_text("2 of 2 photos analysed")


async def test_photos_that_are_cleared_are_sent_no_further(signed_in: Page) -> None:
    page = signed_in
    await slow_down(page)
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(2)])
    everything = page.get_by_role("region", name="All photos")
    await expect(everything).to_contain_text(re.compile("[1-9]\\d?\u00a0%"))
    async with page.expect_event(
        "requestfailed", lambda request: request.url.endswith("/detect/batch")
    ):
        await page.get_by_role("button", name="Clear").click()


async def test_cards_are_equally_wide_whatever_the_files_are_called(signed_in: Page) -> None:
    page = signed_in
    names = ("a.jpg", f"{'x' * 120}.jpg", f"{'صورة_' * 20}.jpg", f"{'two words ' * 15}.jpg")
    await choose(page, *[file(name, portrait()) for name in names], file("notes.jpg", b"no photo"))
    await expect(page.get_by_role("button", name="notes.jpg: failed")).to_be_visible()
    widths = await page.locator(".photos button, .photos .thumb, .photos .about").evaluate_all(
        "parts => parts.map((part) => part.getBoundingClientRect().width)"
    )
    assert len(widths) == 15
    assert max(widths) - min(widths) < 3, "no more than the border of a card"
    heights = await page.locator(".photos .name").evaluate_all(
        "names => names.map((name) => name.getBoundingClientRect().height)"
    )
    assert max(heights) <= 2 * min(heights) + 1


OVERFULL = """() => [...document.querySelectorAll(".notice, .problem, dialog:not(.detail)")]
    .filter((each) => each.checkVisibility())
    .filter((each) => each.scrollWidth > each.clientWidth || each.clientHeight > innerHeight / 2)
    .map((each) => each.textContent)"""


async def test_a_name_of_5000_letters_leaves_notices_and_questions_in_shape(
    signed_in: Page,
) -> None:
    page = signed_in
    await page.set_viewport_size(PHONE)
    name = f"{'x' * 5000}.jpg"
    await choose(page, file(name, b"no photo"))
    await expect(page.get_by_role("alert")).to_contain_text("xx.jpg: This photo")
    assert await page.evaluate(OVERFULL) == []
    await page.get_by_role("button", name="Clear").click()
    await page.route("**/api/detect", lambda route: None)
    await choose(page, file(name, portrait()))
    await expect(page.locator(".notice.progress")).to_contain_text("xx.jpg …")
    assert await page.evaluate(OVERFULL) == []
    await page.unroute("**/api/detect")
    await page.get_by_role("button", name="Clear").click()
    await choose(page, file(name, portrait()))
    await expect(page.locator(".face")).to_have_count(1)
    await page.get_by_role("tab", name="History").click()
    await page.locator(".card").first.get_by_role("button").click()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_text("This cannot be undone.")).to_be_visible()
    assert await page.evaluate(OVERFULL) == []


async def test_all_photos_that_failed_are_tried_again_with_one_click(signed_in: Page) -> None:
    page = signed_in
    await page.route("**/api/detect/batch", lambda route: route.abort())
    await choose(page, file("one.jpg", portrait()), file("two.jpg", pair()))
    everything = page.get_by_role("region", name="All photos")
    await expect(everything).to_contain_text("0 of 2 photos analysed, 2 failed")
    await page.unroute("**/api/detect/batch")
    await everything.get_by_role("button", name="Try 2 again").click()
    await expect(everything).to_contain_text("2 of 2 photos analysed")
    await expect(everything.get_by_role("button", name="again")).to_have_count(0)


async def test_thumbnails_are_one_row_on_a_phone_that_shows_the_current_one(
    signed_in: Page,
) -> None:
    page = signed_in
    await page.set_viewport_size(PHONE)
    await page.route("**/api/detect**", lambda route: None)
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(13)])
    thumbnails = page.locator(".photos button")
    for number in (3, 12, 0):
        await thumbnails.nth(number).click()
        await expect(page.locator(".photos button[aria-current]")).to_have_count(1)
        await expect(thumbnails.nth(number)).to_be_in_viewport(ratio=1)
        places = await thumbnails.evaluate_all(
            "buttons => buttons.map((button) => button.getBoundingClientRect().toJSON())"
        )
        assert len({place["top"] for place in places}) == 1
        assert all(place["height"] >= 43.5 and place["width"] >= 43.5 for place in places)
        assert not await page.evaluate(TOO_WIDE)
        await page.get_by_role("button", name="Overview").click()


async def test_the_list_stays_in_its_place_while_results_come(signed_in: Page) -> None:
    page = signed_in
    await page.set_viewport_size(PHONE)
    await page.evaluate(
        """() => {
            window.places = new Set();
            const look = () => {
                const list = document.querySelector(".is-overview .photos");
                if (list) places.add(Math.round(list.getBoundingClientRect().top));
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(5)])
    everything = page.get_by_role("region", name="All photos")
    await expect(everything).to_contain_text("5 of 5 photos analysed")
    await expect(everything.get_by_role("button", name="CSV")).to_be_visible()
    assert await page.evaluate("() => places.size") == 1


@pytest.mark.parametrize(("size", "place"), [((600, 3600), (44, 3000)), ((3600, 600), (3000, 44))])
async def test_thumbnails_show_the_faces(
    signed_in: Page, size: tuple[int, int], place: tuple[int, int]
) -> None:
    page = signed_in
    picture = Image.new("RGB", size, "white")
    picture.paste(astronaut(), place)
    photo = jpeg(picture)
    await choose(page, file("long.jpg", photo), file("portrait.jpg", portrait()))
    await page.get_by_role("button", name="long.jpg: 1 happy").wait_for()
    seen = """picture => {
        const { width, height } = picture.getBoundingClientRect();
        const [across, down] = picture.style.objectPosition.split(" ").map(parseFloat);
        const scale = Math.max(width / picture.naturalWidth, height / picture.naturalHeight);
        const [w, h] = [width / scale, height / scale];
        const x = (picture.naturalWidth - w) * across / 100;
        const y = (picture.naturalHeight - h) * down / 100;
        return [x, y, w, h];
    }"""
    face = [place[0] + 224, place[1] + 115]
    for view, card in (("Detect", ".photo"), ("History", ".card")):
        await page.get_by_role("tab", name=view).click()
        thumbnail = page.locator(card, has_text="long.jpg").locator("img")
        x, y, width, height = await thumbnail.evaluate(seen)
        assert x < face[0] < x + width and y < face[1] < y + height  # noqa: PT018
        assert width / height == pytest.approx(4 / 3, rel=0.05)


async def test_a_photo_begins_at_its_top_and_back_leads_to_where_one_was(signed_in: Page) -> None:
    page = signed_in
    await page.set_viewport_size(PHONE)
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(6)])
    await expect(page.get_by_role("button", name="1 happy")).to_have_count(6)
    await page.get_by_role("button", name="5.jpg: 1 happy").scroll_into_view_if_needed()
    before = await page.evaluate("scrollY")
    assert before > 100
    await page.get_by_role("button", name="5.jpg: 1 happy").click()
    await expect(page.locator(".box")).to_have_count(1)
    assert await page.evaluate("scrollY") == 0
    await page.go_back()
    await page.wait_for_function("before => Math.abs(scrollY - before) < 2", arg=before)
