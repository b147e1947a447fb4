"""Recorded video on the page."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.e2e.browser.choosing import choose, file
from tests.e2e.browser.conftest import a_tab, a_visitor, new_id_token, sign_in
from tests.e2e.browser.phone import PHONE, TOO_SMALL_FOR_FINGERS, TOO_WIDE
from tests.e2e.browser.pictures import portrait
from tests.e2e.browser.videos import (
    RATE,
    STEP,
    analysed,
    analysed_with_many_faces,
    clip,
    go_to,
)
from tests.e2e.service_process import ServiceProcess


@pytest.fixture(scope="module")
async def watched(browser: Browser, site: ServiceProcess) -> AsyncIterator[Page]:
    """A tab that shows the result of a video, for tests that only look at it."""
    async with a_visitor(browser, site) as context, a_tab(context) as page:
        await sign_in(page, new_id_token())
        await analysed(page)
        yield page


async def place_of_box(page: Page) -> float:
    """The centre of the box, as a share of the picture's width."""
    place = await page.locator(".video-stage .box").evaluate(
        "box => { const [b, p] = [box, box.parentElement].map(e => e.getBoundingClientRect());"
        " return (b.left + b.width / 2 - p.left) / p.width; }"
    )
    return float(place)


async def test_a_dropped_video_is_played_with_its_faces_boxed(watched: Page) -> None:
    page = watched
    for seconds in (0.5, 2.0, 3.5):
        await go_to(page, seconds)
        await expect(page.locator(".video-stage .box")).to_have_count(1)
        expected = (STEP * RATE * seconds + 120) / 720
        # The box moves once the browser has shown the frame.
        await page.wait_for_function(
            "at => { const box = document.querySelector('.video-stage .box');"
            " const [b, p] = [box, box.parentElement].map(e => e.getBoundingClientRect());"
            " return Math.abs((b.left + b.width / 2 - p.left) / p.width - at) < 0.06; }",
            arg=expected,
        )
        assert await place_of_box(page) == pytest.approx(expected, abs=0.06)
    await go_to(page, 5.5)
    await expect(page.locator(".video-stage .box")).to_have_count(0)


async def test_the_timeline_leads_to_any_moment(watched: Page) -> None:
    page = watched
    row = page.locator(".leads .chart-row svg")
    size = await row.bounding_box()
    assert size is not None
    await row.click(position={"x": size["width"] / 2, "y": 20})
    time = "document.querySelector('.video-stage video').currentTime"
    # As functions, because the page's policy forbids evaluating expressions repeatedly.
    await page.wait_for_function(f"() => Math.abs({time} - 3) < 0.2")
    seek = page.get_by_role("slider", name="Time in the video")
    await seek.focus()
    await page.keyboard.press("End")
    await page.wait_for_function(f"() => {time} > 5")
    await page.get_by_role("button", name="Face 1: go to 0:00").click()
    await page.wait_for_function(f"() => {time} < 0.2")


async def test_each_face_of_a_video_is_shown_beside_its_name(watched: Page) -> None:
    # The grey around the face has 131, an empty canvas 0.
    lightness = """portrait => {
        const { data } = portrait.getContext("2d").getImageData(28, 28, 40, 40);
        return data.reduce((sum, value) => sum + value, 0) / data.length;
    }"""
    for part in (".session-chart", ".summary"):
        portrait = watched.locator(f"{part} .portrait canvas")
        await expect(portrait).to_have_count(1)
        assert await portrait.evaluate(lightness) > 150


async def test_a_video_that_cannot_be_played_has_no_portraits_and_is_let_go(page: Page) -> None:
    await page.goto("/")
    left = await page.evaluate(
        """async () => {
            const { fillPortraits, portraitPlace } = await import("/web/js/portraits.js");
            const videos = [], make = document.createElement.bind(document);
            document.createElement = (tag) => {
                const made = make(tag);
                if (tag === "video") videos.push(made);
                return made;
            };
            const place = portraitPlace({ tracking_id: "face_1" });
            const row = make("p");
            row.append("Face 1", place);
            document.body.prepend(row);
            const frames = { bestViews: () => [{ id: "face_1", time: 0, box: [0, 0, 9, 9] }] };
            const size = { width: 9, height: 9 };
            fillPortraits([row], { source: "/web/samples/cat.jpg", frames, size });
            while (place.isConnected) await new Promise((resolve) => setTimeout(resolve, 20));
            return videos.map((video) => video.getAttribute("src"));
        }"""
    )
    assert left == [None]


@pytest.mark.parametrize(
    ("name", "suffix", "first"),
    [
        ("CSV", "csv", "frame,time,face_id,"),
        ("JSON", "json", '[{"frame":0,'),
        ("JSON lines", "jsonl", '{"frame":0,'),
        ("Timeline", "svg", "<svg "),
    ],
)
async def test_results_of_a_video_can_be_downloaded(
    watched: Page, name: str, suffix: str, first: str
) -> None:
    page = watched
    async with page.expect_download() as taking:
        await page.get_by_role("button", name=name, exact=True).last.click()
    download = await taking.value
    assert download.suggested_filename == f"interview.{suffix}"
    taken = await asyncio.to_thread((await download.path()).read_text, "utf-8")
    assert taken.startswith(first)


async def test_a_stored_video_is_played_from_the_history(signed_in: Page) -> None:
    page = signed_in
    await analysed(page)
    await page.get_by_role("tab", name="History").click()
    await page.locator(".card").first.get_by_role("button").click()
    await page.locator("dialog .leads").wait_for()
    await page.wait_for_function("() => document.querySelector('dialog video').readyState >= 1")
    await page.get_by_role("button", name="Delete", exact=True).click()
    await page.get_by_role("button", name="Delete", exact=True).last.click()
    await expect(page.locator(".card")).to_have_count(0)


async def test_a_guest_is_asked_to_sign_in(page: Page) -> None:
    await page.goto("/")
    await choose(page, clip())
    await expect(page.get_by_role("alert")).to_contain_text("Videos need an account")


async def test_a_video_among_photos_shows_its_first_picture(signed_in: Page) -> None:
    page = signed_in
    await choose(page, file("one.jpg", portrait()), clip())
    everything = page.get_by_role("region", name="All photos")
    await expect(everything).to_contain_text("2 of 2 files analysed", timeout=60_000)
    thumbnail = page.locator(".photos video")
    await page.wait_for_function("() => document.querySelector('.photos video').videoWidth === 720")
    await expect(thumbnail).to_be_visible()


async def test_a_video_is_known_by_its_name_where_the_browser_knows_no_type(
    signed_in: Page,
) -> None:
    await choose(signed_in, {**clip("clip.3GP"), "mimeType": "application/octet-stream"})
    await signed_in.locator(".session-chart.leads").wait_for(timeout=120_000)


async def test_a_video_can_be_cancelled(signed_in: Page) -> None:
    page = signed_in
    await choose(page, clip())
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("alert")).to_contain_text("Cancelled", timeout=60_000)


async def test_a_video_goes_on_playing_in_its_place_when_its_analysis_ends(
    signed_in: Page,
) -> None:
    page = signed_in
    await choose(page, clip())
    video = page.locator(".video-stage video")
    await video.evaluate(
        "async video => { Object.assign(video, { loop: true, muted: true }); await video.play(); }"
    )
    before = await video.bounding_box()
    await page.locator(".session-chart.leads").wait_for(timeout=120_000)
    assert not await video.evaluate("video => video.paused")
    assert await video.bounding_box() == before
    await go_to(page, 2.0)
    over, player = await page.locator(".video-stage .over").bounding_box(), before
    assert over is not None
    assert player is not None
    assert player["height"] - over["height"] >= 48, "the controls lie below the picture"


async def test_a_video_is_not_heard_on_other_views(signed_in: Page) -> None:
    page = signed_in
    await analysed(page)
    video = page.locator(".video-stage video")
    tabs = [page.get_by_role("tab", name=name) for name in ("Detect", "Live")]
    for go, come_back in ((tabs[1].click, tabs[0].click), (page.go_back, page.go_forward)):
        await video.evaluate("video => { video.loop = true; return video.play(); }")
        await go()
        await expect(video).to_be_hidden()
        assert await video.evaluate("video => video.paused")
        await come_back()
        await expect(video).to_be_visible()


async def test_the_progress_of_an_upload_is_shown_and_it_can_be_cancelled(
    signed_in: Page,
) -> None:
    page = signed_in
    network = await page.context.new_cdp_session(page)
    slowly = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 20_000}
    await network.send("Network.emulateNetworkConditions", slowly)
    await choose(page, clip())
    progress = page.locator(".video-progress")
    await expect(progress).to_contain_text(re.compile("Sending interview.webm … [1-9]\\d?\u00a0%"))
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("alert")).to_contain_text("Cancelled")


async def test_a_file_that_is_not_a_video_is_explained(signed_in: Page) -> None:
    page = signed_in
    await choose(page, file("broken.mp4", b"no video"))
    await expect(page.get_by_role("alert")).to_contain_text("Not a usable video")
    await expect(page.get_by_text("This browser cannot play this video.")).to_be_visible()
    stage = await page.locator(".video-stage").bounding_box()
    assert stage is not None
    assert stage["height"] < 160  # What cannot be seen fills no desk.


async def test_the_controls_of_a_video_are_large_enough_for_fingers(watched: Page) -> None:
    page = watched
    await page.set_viewport_size(PHONE)
    await page.locator(".json").evaluate("panel => { panel.open = true; }")
    assert await page.evaluate(TOO_SMALL_FOR_FINGERS) == []
    assert not await page.evaluate(TOO_WIDE)


async def test_a_video_is_in_the_history_after_the_page_was_left(signed_in: Page) -> None:
    page = signed_in
    # The welcome asks for the videos in work at the same address.
    async with page.expect_response(lambda answer: answer.request.method == "POST"):
        await choose(page, clip())
    await page.reload()
    await page.get_by_role("tab", name="History").click()
    await expect(page.locator(".card")).to_have_count(1, timeout=60_000)
    await expect(page.locator(".videos-in-work .video-progress")).to_have_count(0)


async def test_the_history_shows_videos_in_work_and_failed_ones(signed_in: Page) -> None:
    page = signed_in
    running = {
        "video_id": "11111111-1111-4111-8111-111111111111", "filename": "lecture.mp4",
        "status": "running", "progress": 0.42, "remaining_seconds": 65, "error": None,
    }  # fmt: skip
    fault = {"title": "Not a usable video", "message": "the file is damaged", "status": 400}
    failed = {
        **running, "video_id": "22222222-2222-4222-8222-222222222222",
        "filename": "broken.mp4", "status": "failed", "error": fault,
    }  # fmt: skip
    listed = [running, failed]

    async def erase(route: Route) -> None:
        listed.remove(failed)
        await route.fulfill(status=204)

    await page.route("**/api/videos", lambda route: route.fulfill(json=listed))
    await page.route("**/api/videos/1*/events", lambda route: None)
    await page.route("**/api/videos/2*", erase)
    await page.get_by_role("tab", name="History").click()
    work = page.get_by_role("region", name="lecture.mp4")
    await expect(work).to_contain_text("42\u00a0% analysed, 1:05 left")
    await expect(page.get_by_role("alert")).to_contain_text("broken.mp4: Not a usable video")
    await page.get_by_role("alert").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(work).to_be_visible()


async def test_a_visitor_who_comes_back_finds_videos_in_work(signed_in: Page) -> None:
    page = signed_in
    running = {
        "video_id": "11111111-1111-4111-8111-111111111111", "filename": "lecture.mp4",
        "status": "running", "progress": 0.42, "remaining_seconds": 65, "error": None,
    }  # fmt: skip
    await page.route("**/api/videos", lambda route: route.fulfill(json=[running]))
    await page.route("**/api/videos/1*/events", lambda route: None)
    await page.reload()
    work = page.get_by_role("list", name="Videos in work")
    await expect(work).to_contain_text("lecture.mp4 42\u00a0% analysed, 1:05 left")
    await work.get_by_role("link").click()
    await expect(page.get_by_role("region", name="lecture.mp4")).to_be_visible()


async def test_many_faces_of_a_video_leave_the_player_in_view(signed_in: Page) -> None:
    page = signed_in
    await page.set_viewport_size(PHONE)
    await analysed_with_many_faces(page)
    heights = (
        "() => ['.video-view', '.chart-rows'].map(e => document.querySelector(e).offsetHeight)"
    )
    view, rows = await page.evaluate(heights)
    assert rows < PHONE["height"] / 2
    assert view < PHONE["height"] * 1.2
    await expect(page.locator(".chart-row")).to_have_count(40)
    await expect(page.locator(".leads")).to_contain_text("Of 50 faces, the 40 seen longest")
    await expect(page.locator(".summary tbody tr").first).to_contain_text("Face 11")
    assert await page.evaluate(
        "() => { const [...ticks] = document.querySelectorAll('.chart-axis span');"
        " const seen = ticks.filter(t => getComputedStyle(t).visibility === 'visible')"
        ".map(t => t.getBoundingClientRect());"
        " return seen.slice(1).every((box, at) => box.left > seen[at].right); }"
    )
    await page.get_by_role("button", name="Face 50: go to 0:00").click()
    await expect(page.locator(".video-stage video")).to_be_visible()
    assert not await page.evaluate(TOO_WIDE)
