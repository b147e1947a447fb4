"""Every state of the page, and how a visitor gets there; most start signed in on a fresh page."""

from collections.abc import Awaitable, Callable

from playwright.async_api import Page, expect

from tests.e2e.browser.answers import answer_with, detection
from tests.e2e.browser.choosing import choose, file
from tests.e2e.browser.live import start
from tests.e2e.browser.pictures import crowd, pair, portrait
from tests.e2e.browser.videos import (
    analysed,
    analysed_with_many_faces,
    clip,
    go_to,
)


async def empty(page: Page) -> None:
    await page.get_by_role("tab", name="Detect").click()


async def batch(page: Page) -> None:
    await choose(page, file("two.jpg", pair()), file("notes.jpg", b"no photograph"))
    await page.get_by_role("button", name="two.jpg: 2 happy").wait_for()


async def batch_in_work(page: Page) -> None:
    await page.route("**/api/detect/batch", lambda route: None)
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(3)])
    await page.get_by_role("progressbar", name="Photos analysed").wait_for()


async def crowded(page: Page) -> None:
    picture, boxes = crowd(6, 3)
    await answer_with(page, detection(boxes, (960, 480)))
    await choose(page, file("crowd.jpg", picture))
    await page.locator(".box").nth(3).click()


async def no_face(page: Page) -> None:
    await page.get_by_role("button", name="A cat").click()
    await page.locator(".no-face").wait_for()


async def result(page: Page) -> None:
    await batch(page)
    await page.get_by_role("button", name="two.jpg: 2 happy").click()
    await expect(page.locator(".box")).to_have_count(2)
    await page.locator(".json").evaluate("panel => { panel.open = true; }")


async def fault(page: Page) -> None:
    await choose(page, file("notes.jpg", b"no photograph"))
    await page.get_by_role("alert").wait_for()


async def history(page: Page) -> None:
    await result(page)
    await page.get_by_role("tab", name="History").click()
    await page.locator(".card").first.wait_for()


async def no_matches(page: Page) -> None:
    await history(page)
    await page.get_by_label("Name or emotion").fill("nothing of that name")
    await page.get_by_text("No matches.").wait_for()


async def detail(page: Page) -> None:
    await history(page)
    await page.locator(".card").first.get_by_role("button").click()
    await page.locator("dialog .stage").wait_for()


async def session(page: Page) -> None:
    await live(page)
    await page.get_by_role("tab", name="History").click()
    await page.locator(".card").first.get_by_role("button").click()
    await page.locator("dialog .session-chart").wait_for()


async def live(page: Page) -> None:
    await page.get_by_role("tab", name="Live").click()
    await page.get_by_text("Settings", exact=True).click()
    await page.get_by_label("Save a summary in my history").check()
    await page.get_by_role("button", name="Start").click()
    await page.locator(".live-stage .box").wait_for()
    await page.get_by_role("button", name="Stop", exact=True).click()
    await page.locator(".summary").wait_for()


async def first_visit(page: Page) -> None:
    await page.get_by_role("button", name="Sign out").click()


async def working(page: Page) -> None:
    await page.route("**/api/detect", lambda route: None)
    await choose(page, file("portrait.jpg", portrait()))
    await page.locator(".is-working").wait_for()


async def one_face(page: Page) -> None:
    await choose(page, file("portrait.jpg", portrait()))
    await page.locator(".face").wait_for()


async def few_faces(page: Page) -> None:
    await page.get_by_role("button", name="Two faces").click()
    await expect(page.locator(".face")).to_have_count(2)


async def hard_to_read(page: Page) -> None:
    found = detection([(178, 64, 90, 112)] * 6, (512, 512))
    found["detection_results"]["faces"] = found["detection_results"]["faces"][4:5]
    await answer_with(page, found)
    await choose(page, file("portrait.jpg", portrait()))
    await page.locator(".face").wait_for()


async def guest_limit(page: Page) -> None:
    await page.get_by_role("button", name="Sign out").click()
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(4)])
    await page.get_by_role("button", name="3.jpg: failed").click()
    await page.get_by_role("alert").wait_for()


async def sign_in(page: Page) -> None:
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("banner").get_by_role("button", name="Sign in").click()


async def live_as_guest(page: Page) -> None:
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("tab", name="Live").click()


async def live_ready(page: Page) -> None:
    await page.get_by_role("tab", name="Live").click()


async def live_running(page: Page) -> None:
    await start(page)
    await page.wait_for_function("() => !/[–]/.test(document.querySelector('.figures').innerText)")


async def history_as_guest(page: Page) -> None:
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("tab", name="History").click()


async def history_empty(page: Page) -> None:
    await page.get_by_role("tab", name="History").click()
    await page.get_by_text("Your history is empty.").wait_for()


async def video(page: Page) -> None:
    await analysed(page)
    await go_to(page, 2.0)
    await page.locator(".video-stage .box").wait_for()


async def video_of_many(page: Page) -> None:
    await analysed_with_many_faces(page)


async def video_in_work(page: Page) -> None:
    await page.route("**/api/videos", lambda route: None)
    await choose(page, clip())
    await page.locator(".video-progress").wait_for()


async def delete(page: Page) -> None:
    await one_face(page)
    await page.get_by_role("tab", name="History").click()
    await page.locator(".card").first.get_by_role("button").click()
    await page.get_by_role("button", name="Delete", exact=True).click()


State = Callable[[Page], Awaitable[None]]
STATES: tuple[State, ...] = (
    empty, first_visit, working, one_face, few_faces, crowded, hard_to_read, no_face, fault,
    batch, batch_in_work, result, guest_limit, sign_in, live_as_guest, live_ready, live_running,
    live, history_as_guest, history_empty, history, no_matches, detail, session, delete, video,
    video_in_work, video_of_many,
)  # fmt: skip
