"""The page for everybody: checked by axe, by keyboard, and on a phone."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser.pictures import pair
from tests.e2e.browser.test_photographs import choose, file

PHONE = {"width": 390, "height": 844}
TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


async def empty(page: Page) -> None:
    await page.get_by_role("tab", name="Detect").click()


async def result(page: Page) -> None:
    await choose(page, file("two.jpg", pair()), file("notes.jpg", b"no photograph"))
    await expect(page.locator(".box")).to_have_count(2)
    await page.locator(".json").evaluate("panel => { panel.open = true; }")


async def fault(page: Page) -> None:
    await choose(page, file("notes.jpg", b"no photograph"))
    await page.get_by_role("alert").wait_for()


async def history(page: Page) -> None:
    await result(page)
    await page.get_by_role("tab", name="History").click()
    await page.locator(".card").first.wait_for()


async def detail(page: Page) -> None:
    await history(page)
    await page.locator(".card").first.get_by_role("button").click()
    await page.locator("dialog .viewer").wait_for()


async def live(page: Page) -> None:
    await page.get_by_role("tab", name="Live").click()
    await page.get_by_text("Settings", exact=True).click()
    await page.get_by_role("button", name="Start").click()
    await page.locator(".live-stage .box").wait_for()
    await page.get_by_role("button", name="Stop").click()
    await page.locator(".summary").wait_for()


STATES = (empty, result, fault, history, detail, live)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
async def test_axe_finds_nothing_and_a_phone_need_not_scroll_sideways(
    signed_in: Page, npm_packages: Path, state: Callable[[Page], Awaitable[None]]
) -> None:
    page = signed_in
    await state(page)
    assert await faults(page, npm_packages) == []
    await page.set_viewport_size(PHONE)
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert await faults(page, npm_packages) == []
    assert not await page.evaluate(TOO_WIDE)


async def test_axe_finds_nothing_where_a_guest_signs_in(page: Page, npm_packages: Path) -> None:
    await page.goto("/#live")
    await page.get_by_role("tabpanel").get_by_role("button", name="Sign in").click()
    await page.get_by_role("dialog").wait_for()
    assert await faults(page, npm_packages) == []


async def test_axe_finds_nothing_on_the_pages_that_explain_problems(
    page: Page, npm_packages: Path
) -> None:
    await page.goto("/problems")
    assert await faults(page, npm_packages) == []
    await page.set_viewport_size(PHONE)
    assert not await page.evaluate(TOO_WIDE)
    await page.get_by_role("link", name="Guest limit reached").click()
    await page.get_by_role("heading", name="What to do").wait_for()
    await page.emulate_media(color_scheme="dark")
    assert await faults(page, npm_packages) == []
    assert not await page.evaluate(TOO_WIDE)


async def test_the_views_are_reached_by_arrow_keys(page: Page) -> None:
    await page.goto("/")
    await page.get_by_role("tab", name="Detect").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tab", name="Live")).to_be_focused()
    await expect(page.get_by_role("tabpanel", name="Live")).to_be_visible()
    await page.keyboard.press("End")
    await expect(page.get_by_role("tabpanel", name="History")).to_be_visible()
    assert page.url.endswith("#history")


async def test_colours_can_be_chosen_and_stay_chosen(page: Page) -> None:
    await page.goto("/")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(paper)
    await page.get_by_role("button", name="Use dark colours").click()
    dark = await page.evaluate(paper)
    assert dark != light
    await page.reload()
    assert await page.evaluate(paper) == dark


async def faults(page: Page, npm_packages: Path) -> list[str]:
    """What axe-core finds, one line an element."""
    await page.evaluate((npm_packages / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    found = await page.evaluate("() => axe.run()")
    return [
        f"{fault['impact']} {fault['id']}: {node['html'][:160]} {node.get('failureSummary', '')}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]
