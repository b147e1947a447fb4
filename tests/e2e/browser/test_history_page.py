"""The history on the page."""

import csv
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Page, Route, expect

from application.use_cases.history import MAX_PAGE
from tests.e2e.browser.choosing import choose, file
from tests.e2e.browser.pictures import pair, portrait


async def with_two_records(page: Page) -> None:
    await choose(page, file("one.jpg", portrait()), file("two.jpg", pair()))
    await expect(page.get_by_role("button", name="one.jpg: 1 happy")).to_be_visible()
    await expect(page.get_by_role("button", name="two.jpg: 2 happy")).to_be_visible()
    await page.get_by_role("tab", name="History").click()
    await expect(page.locator(".card")).to_have_count(2)


async def test_a_guest_learns_that_nothing_is_kept(page: Page) -> None:
    await page.goto("/#history")
    await expect(page.get_by_text("Photos of guests are never kept.")).to_be_visible()


async def test_records_are_shown_filtered_and_deleted(signed_in: Page) -> None:
    page = signed_in
    await with_two_records(page)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/api/history?keyword=*", hold)
    async with page.expect_request("**/api/history?keyword=two*"):
        await page.get_by_label("Name or emotion").fill("two")
    assert await page.locator(".card").count() == 2  # What was shown stays until the answer.
    await held[0].continue_()
    await page.unroute("**/api/history?keyword=*")
    await expect(page.locator(".card")).to_have_count(1)
    await expect(page.locator(".card .name")).to_have_text("two.jpg")
    await page.get_by_label("Emotion", exact=True).select_option("disgust")
    await expect(page.get_by_text("No matches.")).to_be_visible()
    await expect(page.get_by_role("button", name="Delete all")).to_be_hidden()
    await page.get_by_label("Emotion", exact=True).select_option("")

    await page.locator(".card").get_by_role("button").click()
    dialog = page.get_by_role("dialog", name="two.jpg")
    await expect(dialog.locator(".box")).to_have_count(2)
    await dialog.get_by_role("button", name="Delete").click()
    question = page.get_by_role("dialog", name="Delete this record?")
    await question.get_by_role("button", name="Keep").click()
    await expect(dialog.locator(".box")).to_have_count(2)
    await dialog.get_by_role("button", name="Delete").click()
    await question.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("No matches.")).to_be_visible()
    await page.get_by_role("button", name="Show all").click()
    await expect(page.locator(".card .name")).to_have_text(["one.jpg"])
    await expect(page.get_by_role("button", name="Show all")).to_be_hidden()


async def test_the_filters_and_what_takes_them_away_are_in_line(signed_in: Page) -> None:
    page = signed_in
    await with_two_records(page)
    await page.get_by_label("Name or emotion").fill("one")
    show_all = await page.get_by_role("button", name="Show all").bounding_box()
    how_many = await page.get_by_text("1 record", exact=True).bounding_box()
    assert show_all is not None
    assert how_many is not None
    assert 0 < show_all["x"] - how_many["x"] - how_many["width"] < 20
    for width, lines in ((1280, 1), (768, 1), (640, 2), (390, 2)):
        await page.set_viewport_size({"width": width, "height": 800})
        tops = await page.locator(".filters .field").evaluate_all(
            "fields => fields.map((each) => each.getBoundingClientRect().top)"
        )
        counts = [tops.count(top) for top in dict.fromkeys(tops)]
        assert counts == [4 // lines] * lines


async def test_thumbnails_are_the_stored_photos(signed_in: Page) -> None:
    await with_two_records(signed_in)
    # An image is stored a moment after the answer, so the list is requested until it is there.
    for name in ("Detect", "History"):
        await signed_in.get_by_role("tab", name=name).click()
    await expect(signed_in.locator(".card img")).to_have_count(2)
    widths = "images => images.map(image => image.decode().then(() => image.naturalWidth))"
    pictures = await signed_in.locator(".card img").evaluate_all(
        f"async images => Promise.all(({widths})(images))"
    )
    assert sorted(pictures) == [512, 1024]


async def test_a_photo_is_downloaded_with_its_boxes(signed_in: Page, tmp_path: Path) -> None:
    await with_two_records(signed_in)
    await signed_in.locator(".card", has_text="two.jpg").get_by_role("button").click()
    async with signed_in.expect_download() as download:
        await signed_in.get_by_role("button", name="Save with boxes").click()
    saved = await download.value
    assert saved.suggested_filename == "two-faces.jpg"
    await saved.save_as(tmp_path / "drawn.jpg")
    assert (tmp_path / "drawn.jpg").read_bytes().startswith(b"\xff\xd8")


async def test_the_history_is_exported_and_deleted(signed_in: Page, tmp_path: Path) -> None:
    page = signed_in
    await with_two_records(page)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export CSV").click()
    await (await download.value).save_as(tmp_path / "history.csv")
    rows = list(csv.DictReader((tmp_path / "history.csv").read_text().splitlines()))
    assert sorted(row["filename"] for row in rows) == ["one.jpg", "two.jpg", "two.jpg"]
    await page.get_by_role("button", name="Delete all").click()
    await page.get_by_role("button", name="Delete everything").click()
    await expect(page.get_by_text("Your history is empty.")).to_be_visible()
    await expect(page.locator(".card")).to_have_count(0)


async def with_many_records(page: Page, count: int) -> set[int]:
    """Show the first page of a made-up history; returns the numbers that are left out of it."""
    await with_two_records(page)
    template: dict[str, object] = {}
    deleted: set[int] = set()

    async def long(route: Route) -> None:
        if not template:
            template.update((await (await route.fetch()).json())[0])
        asked = parse_qs(urlsplit(route.request.url).query)
        [skip, limit] = [int(asked[name][0]) for name in ("skip", "limit")]
        assert limit <= MAX_PAGE
        numbers = [number for number in range(count) if number not in deleted]
        records = [
            {**template, "detection_id": f"{number:032x}", "filename": f"{number}.jpg"}
            for number in numbers[skip : skip + limit]
        ]
        await route.fulfill(json=records, headers={"X-Total-Count": str(len(numbers))})

    photo = portrait()
    await page.route("**/api/history?*", long)
    await page.route("**/api/history/*", lambda route: route.fulfill(status=204))
    await page.route(
        "**/api/images/*", lambda route: route.fulfill(body=photo, content_type="image/jpeg")
    )
    await page.reload()
    return deleted


async def test_the_place_in_a_long_history_is_kept(signed_in: Page) -> None:
    page = signed_in
    deleted = await with_many_records(page, 30)
    cards = page.locator(".card")
    how_many = page.get_by_text("24 of 30 shown")
    await expect(how_many).to_be_visible()
    await page.get_by_role("button", name="Show more").press("Enter")
    await expect(cards).to_have_count(30)
    await expect(how_many).to_be_hidden()
    await expect(cards.nth(24).get_by_role("button")).to_be_focused()
    await page.get_by_role("tab", name="Detect").click()
    async with page.expect_response("**/api/history?*"):
        await page.go_back()
    await expect(cards).to_have_count(30)
    await cards.nth(27).get_by_role("button").click()
    await page.get_by_role("button", name="Delete", exact=True).click()
    deleted.add(27)
    await page.get_by_role("dialog").last.get_by_role("button", name="Delete").click()
    await expect(cards).to_have_count(29)
    await expect(cards.nth(27).get_by_role("button")).to_be_focused()
    await expect(cards.nth(27)).to_contain_text("28.jpg")


async def test_the_place_is_kept_beyond_what_the_service_gives_at_once(signed_in: Page) -> None:
    page = signed_in
    await with_many_records(page, 2 * MAX_PAGE + 30)
    cards = page.locator(".card")
    more = page.get_by_role("button", name="Show more")
    for shown in range(24, 2 * MAX_PAGE + 10, 24):
        await expect(cards).to_have_count(shown)
        await more.press("Enter")
    await expect(cards).to_have_count(216)
    await cards.nth(205).get_by_role("button").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.evaluate("() => { location.hash = '#detect'; }")
    await expect(page.locator(".drop")).to_be_visible()
    async with page.expect_request_finished(lambda request: "skip=200" in request.url):
        await page.go_back()
    await page.get_by_role("dialog").get_by_role("button", name="Close").click()
    await expect(cards).to_have_count(216)
    await expect(cards.nth(205).get_by_role("button")).to_be_focused()


async def test_more_records_take_the_focus_from_nothing_else(signed_in: Page) -> None:
    page = signed_in
    await with_many_records(page, 60)
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/api/history?*skip=23*", hold)
    async with page.expect_request("**/api/history?*skip=23*"):
        await page.get_by_role("button", name="Show more").press("Enter")
    chosen = page.locator(".card").nth(3).get_by_role("button")
    await chosen.focus()
    await held[0].fallback()
    await expect(page.locator(".card")).to_have_count(48)
    await expect(chosen).to_be_focused()


async def with_the_newest_deleted(page: Page) -> set[int]:
    """Show a made-up history of 60 without its first; returns the numbers that are left out."""
    deleted = await with_many_records(page, 60)
    deleted.add(0)
    await page.get_by_role("tab", name="Detect").click()
    await page.go_back()
    await expect(page.locator(".card .name").first).to_have_text(re.compile(r"^1\.jpg"))
    return deleted


async def test_a_record_that_is_saved_meanwhile_leaves_no_card_twice(signed_in: Page) -> None:
    page, cards = signed_in, signed_in.locator(".card")
    deleted = await with_the_newest_deleted(page)
    deleted.clear()
    await page.get_by_role("button", name="Show more").press("Enter")
    await expect(cards).to_have_count(48)
    names = await cards.locator(".name").all_inner_texts()
    assert names == [f"{number}.jpg" for number in range(48)]
    await expect(cards.nth(25).get_by_role("button")).to_be_focused()
    await page.get_by_role("tab", name="Detect").click()
    await page.go_back()
    await expect(cards.locator(".name").first).to_have_text(re.compile(r"^0\.jpg"))
    await expect(cards.locator(".name").last).to_contain_text("47.jpg")
    await expect(cards).to_have_count(48)


async def test_as_many_saved_as_deleted_meanwhile_leave_no_card_twice(signed_in: Page) -> None:
    page, cards = signed_in, signed_in.locator(".card")
    deleted = await with_the_newest_deleted(page)
    deleted.symmetric_difference_update({0, 59})
    refused: list[Route] = []

    async def fail_once(route: Route) -> None:
        if refused:
            await route.fallback()
        else:
            refused.append(route)
            await route.abort()

    await page.route("**/api/history?*skip=0*", fail_once)
    await page.get_by_role("button", name="Show more").press("Enter")
    await page.get_by_role("tabpanel").get_by_role("button", name="Try again").click()
    await expect(cards).to_have_count(48)
    names = await cards.locator(".name").all_inner_texts()
    assert names == [f"{number}.jpg" for number in range(48)]


async def test_more_records_take_the_focus_also_where_the_last_one_is_gone(
    signed_in: Page,
) -> None:
    page = signed_in
    deleted = await with_many_records(page, 60)
    cards = page.locator(".card")
    await expect(cards).to_have_count(24)
    deleted.add(23)
    await page.get_by_role("button", name="Show more").press("Enter")
    await expect(cards).to_have_count(48)
    await expect(cards.nth(24).get_by_role("button")).to_be_focused()


async def test_a_double_click_exports_once(signed_in: Page) -> None:
    page = signed_in
    await with_two_records(page)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/history/export*", hold)
    export = page.get_by_role("button", name="Export CSV")
    await export.dblclick()
    await expect(export).to_have_attribute("aria-busy", "true")
    await page.wait_for_timeout(200)
    async with page.expect_download():
        await held.pop().continue_()
    assert not held
    await expect(export).not_to_have_attribute("aria-busy", "true")


async def test_a_record_has_an_address_and_back_leads_to_the_list(signed_in: Page) -> None:
    page = signed_in
    await with_two_records(page)
    newest, oldest = await page.locator(".card .name").all_inner_texts()
    dialog = page.get_by_role("dialog")
    await page.locator(".card").first.get_by_role("button").click()
    await expect(dialog.get_by_role("heading", level=2).first).to_have_text(newest)
    await expect(dialog.get_by_role("button", name="Newer record")).to_be_disabled()
    await dialog.get_by_role("button", name="Older record").click()
    await expect(dialog.get_by_role("heading", level=2).first).to_have_text(oldest)
    await page.keyboard.press("ArrowLeft")
    await expect(dialog.get_by_role("heading", level=2).first).to_have_text(newest)
    await page.keyboard.press("ArrowRight")
    await expect(dialog.get_by_role("heading", level=2).first).to_have_text(oldest)
    await page.go_back()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("tabpanel", name="History")).to_be_visible()
    await page.go_forward()
    await page.reload()
    await expect(dialog.get_by_role("heading", level=2).first).to_have_text(oldest)
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)
    await expect(page).to_have_url(re.compile("#history$"))


async def test_the_arrows_stay_where_they_are_from_record_to_record(signed_in: Page) -> None:
    page = signed_in
    long = f"{'a name that fills some lines ' * 7}.jpg"
    await choose(page, file(long, portrait()), file("two.jpg", pair()))
    await expect(page.get_by_role("button", name="two.jpg: 2 happy")).to_be_visible()
    await expect(page.get_by_role("button", name="1 happy")).to_be_visible()
    await page.get_by_role("tab", name="History").click()
    dialog = page.get_by_role("dialog")
    title = dialog.get_by_role("heading", level=2).first
    for width in (390, 1280):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.locator(".card").first.get_by_role("button").click()
        first, places = await title.inner_text(), []
        for way in ("Older record", "Newer record"):
            arrow = dialog.get_by_role("button", name=way)
            places.append(await dialog.get_by_role("button", name="Older record").bounding_box())
            await arrow.click()
            await expect(arrow).to_be_disabled()
        assert await title.inner_text() == first
        assert places[0] == places[1]
        await page.keyboard.press("Escape")


async def test_a_record_shows_its_whole_photo(signed_in: Page) -> None:
    page = signed_in
    await with_two_records(page)
    await page.locator(".card", has_text="one.jpg").get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    await dialog.locator(".box").wait_for()
    for size in ((1280, 800), (1920, 1080), (1366, 640)):
        await page.set_viewport_size({"width": size[0], "height": size[1]})
        await expect(dialog.locator("figure")).to_be_in_viewport(ratio=1)


async def test_a_long_name_keeps_its_beginning_and_its_kind(signed_in: Page) -> None:
    page = signed_in
    await choose(page, file(f"صيف 2024 {'x' * 200} last.jpg", portrait()))
    await expect(page.locator(".face")).to_have_count(1)
    await page.get_by_role("tab", name="History").click()
    name = page.locator(".card .name")
    shown = await name.inner_text()
    assert shown.startswith("صيف 2024 xx")
    assert shown.endswith("xx last.jpg")
    assert len(shown) <= 100
    await expect(name).to_have_attribute("title", shown)
    assert await name.evaluate("name => getComputedStyle(name).direction") == "rtl"


async def test_a_search_that_fails_shows_nothing_else_and_can_be_tried_again(
    signed_in: Page,
) -> None:
    page = signed_in
    await with_two_records(page)
    await page.route("**/api/history?keyword=*", lambda route: route.abort())
    await page.get_by_label("Name or emotion").fill("two")
    trouble = page.get_by_role("tabpanel").get_by_role("alert")
    await expect(trouble).to_contain_text("The service cannot be reached")
    await expect(page.locator(".card")).to_have_count(0)
    await page.unroute("**/api/history?keyword=*")
    await trouble.get_by_role("button", name="Try again").click()
    await expect(page.locator(".card .name")).to_have_text("two.jpg")
    await expect(trouble).to_have_count(0)


async def test_the_filter_outlasts_a_reload_and_ends_with_the_sign_in(
    signed_in: Page, id_token: str
) -> None:
    page = signed_in
    await with_two_records(page)
    await page.get_by_label("Name or emotion").fill("two")
    await expect(page.locator(".card")).to_have_count(1)
    await page.reload()
    await expect(page.locator(".card .name")).to_have_text("two.jpg")
    await expect(page.get_by_label("Name or emotion")).to_have_value("two")
    await page.get_by_role("button", name="Sign out").click()
    await page.goto(f"/#token={id_token}")
    await page.get_by_role("tab", name="History").click()
    await expect(page.locator(".card")).to_have_count(2)


async def test_a_record_that_was_deleted_elsewhere_is_said_to_be_gone(signed_in: Page) -> None:
    page = signed_in
    await with_two_records(page)
    await page.evaluate(
        """async () => {
            const { access } = JSON.parse(sessionStorage.getItem("emotion-api.sign-in"));
            const headers = { Authorization: `Bearer ${access}` };
            const listed = await (await fetch("/api/history?keyword=two", { headers })).json();
            await fetch(`/api/history/${listed[0].detection_id}`, { method: "DELETE", headers });
        }"""
    )
    await page.locator(".card", has_text="two.jpg").get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("alert")).to_contain_text("This record is gone")
    await expect(dialog).not_to_contain_text("Loading")
    await page.keyboard.press("Escape")
    await expect(page.locator(".card .name")).to_have_text(["one.jpg"])


async def test_back_and_forward_switch_between_tabs(signed_in: Page) -> None:
    page = signed_in
    for name in ("Live", "History"):
        await page.get_by_role("tab", name=name).click()
    await page.go_back()
    await expect(page.get_by_role("tabpanel", name="Live")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("tabpanel", name="Detect")).to_be_visible()
    await page.go_forward()
    await expect(page.get_by_role("tabpanel", name="Live")).to_be_visible()
