"""Accessibility of the page: axe, the keyboard, and phones."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.async_api import Page, Route, ViewportSize, expect

from tests.e2e.browser.answers import answer_with, detection
from tests.e2e.browser.axe import faults
from tests.e2e.browser.choosing import choose, file
from tests.e2e.browser.phone import PHONE, TOO_SMALL_FOR_FINGERS, TOO_WIDE
from tests.e2e.browser.pictures import crowd, portrait
from tests.e2e.browser.states import (
    STATES,
    State,
    detail,
    few_faces,
    first_visit,
    live_ready,
)

SCREENSHOTS = Path(__file__).parents[2] / "artefacts" / "screenshots"
DESK: ViewportSize = {"width": 1366, "height": 850}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
async def test_each_state_passes_axe_and_fits_a_phone(
    signed_in: Page, js_packages: Path, state: State
) -> None:
    """Also saves screenshots of the state, for people to look at."""
    page = signed_in
    await state(page)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for name, size in (("desk", DESK), ("phone", PHONE)):
        await page.set_viewport_size(size)
        for colours in ("light", "dark"):
            await page.emulate_media(color_scheme=colours, reduced_motion="reduce")
            await page.screenshot(path=SCREENSHOTS / f"{state.__name__}-{name}-{colours}.png")
        # Colours affect contrast, sizes affect the layout: each is checked once.
        await page.emulate_media(color_scheme="light" if size is DESK else "dark")
        assert await faults(page, js_packages) == []
        assert not await page.evaluate(TOO_WIDE)
    assert await page.evaluate(TOO_SMALL_FOR_FINGERS) == []
    for width in (768, 1920):
        await page.set_viewport_size({"width": width, "height": 1024})
        assert not await page.evaluate(TOO_WIDE)


async def test_the_sign_in_dialog_passes_axe(page: Page, js_packages: Path) -> None:
    await page.goto("/#live")
    await page.get_by_role("tabpanel").get_by_role("button", name="Sign in").click()
    await page.get_by_role("dialog").wait_for()
    assert await faults(page, js_packages) == []


async def test_the_problem_pages_pass_axe(page: Page, js_packages: Path) -> None:
    await page.goto("/problems")
    assert await faults(page, js_packages) == []
    await page.set_viewport_size(PHONE)
    assert not await page.evaluate(TOO_WIDE)
    await page.get_by_role("link", name="Guest limit reached").click()
    await page.get_by_role("heading", name="What to do").wait_for()
    await page.emulate_media(color_scheme="dark")
    assert await faults(page, js_packages) == []
    assert not await page.evaluate(TOO_WIDE)


async def test_header_content_and_footer_begin_at_the_same_edge(signed_in: Page) -> None:
    page = signed_in
    first = {"Live": ".live-controls", "History": ".history-view"}
    for width in (1280, 1920, 2560):
        await page.set_viewport_size({"width": width, "height": 900})
        for name, content in first.items():
            await page.get_by_role("tab", name=name).click()
            places = page.locator(f".brand, {content}, .foot p:first-child")
            await places.last.wait_for()
            edges = await places.evaluate_all(
                "elements => elements.map((each) => each.getBoundingClientRect().left)"
            )
            assert len(edges) == 3
            assert max(edges) - min(edges) < 1


async def test_the_keyboard_is_enough_to_choose_a_sample_open_a_face_and_zoom(page: Page) -> None:
    await page.goto("/")
    await press_until(page, "An astronaut")
    await page.keyboard.press("Enter")
    await page.locator(".face").wait_for()
    await page.locator("#tab-detect").focus()
    await press_until(page, "Photo. Plus and minus zoom, arrow keys move it.")
    before = await page.locator(".layer").bounding_box()
    await page.keyboard.press("+")
    after = await page.locator(".layer").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 1.4 * before["width"]
    await press_until(page, "Face 1: happy")
    await press_until(page, "Zoom out")
    await page.keyboard.press("Enter")
    await press_until(page, "Face 1 happy")
    await page.keyboard.press("Enter")
    await expect(page.locator(".face .details")).to_be_hidden()


async def test_the_focus_stays_with_what_replaces_the_welcome(page: Page) -> None:
    await page.goto("/")
    await page.get_by_role("button", name="An astronaut").focus()
    await page.keyboard.press("Enter")
    await page.locator(".face").wait_for()
    await expect(page.locator(".main")).to_be_focused()
    await page.get_by_role("button", name="Clear").click()
    await page.locator("#photos").focus()
    await choose(page, file("a.jpg", portrait()))
    await page.locator(".face").wait_for()
    await expect(page.locator("#photos")).to_be_focused()
    await choose(page, file("b.jpg", portrait()))
    await page.get_by_role("button", name="Overview").press("Enter")
    await expect(page.locator(".main")).to_be_focused()


@pytest.mark.parametrize("size", [(640, 400), (844, 390)])
async def test_a_low_window_shows_picture_and_controls_and_nothing_over_them(
    signed_in: Page, size: tuple[int, int]
) -> None:
    page = signed_in
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.get_by_role("button", name="Two faces").click()
    await expect(page.locator(".face")).to_have_count(2)
    for part in (".stage", ".tools .button", ".face:first-child .line"):
        await expect(page.locator(part)).to_be_in_viewport(ratio=1)
    await page.get_by_role("tab", name="Live").click()
    for part in (".live-stage", ".toggle", ".live-view .state"):
        await expect(page.locator(part)).to_be_in_viewport(ratio=1)
    await page.set_viewport_size({"width": 320, "height": 256})
    over = """() => [...document.querySelectorAll("body *")].filter((each) =>
        each.checkVisibility() && ["fixed", "sticky"].includes(getComputedStyle(each).position))
        .map((each) => each.className)"""
    assert await page.evaluate(over) == []
    await page.get_by_role("tab", name="Detect").click()
    assert await page.evaluate(over) == []


async def test_a_crowd_is_one_stop_for_tab_and_arrow_keys_lead_through_it(page: Page) -> None:
    picture, boxes = crowd(6, 3)
    await answer_with(page, detection(boxes, (960, 480)))
    await page.goto("/")
    await choose(page, file("crowd.jpg", picture))
    await expect(page.locator(".face")).to_have_count(18)
    await page.locator("#photos").focus()
    await press_until(page, "Clear")
    await press_until(page, "Photo. Plus and minus zoom, arrow keys move it.")
    box = page.locator(".box")
    await page.keyboard.press("Tab")
    await expect(box.nth(0)).to_be_focused()
    for key, number in (("Right", 1), ("Down", 7), ("Left", 6), ("Left", 6), ("Up", 0)):
        await page.keyboard.press(f"Arrow{key}")
        await expect(box.nth(number)).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Zoom out")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(box.nth(6)).to_be_focused()


async def with_three_records(page: Page) -> list[str]:
    """Open the first of three records in the history by the keyboard. Returns their names."""
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(3)])
    await expect(page.get_by_role("button", name="1 happy")).to_have_count(3)
    await page.get_by_role("tab", name="History").click()
    await page.locator(".card").first.get_by_role("button").press("Enter")
    return await page.locator(".card .name").all_inner_texts()


async def test_a_closed_record_leaves_the_focus_on_its_card(signed_in: Page) -> None:
    page = signed_in
    names = await with_three_records(page)
    dialog = page.get_by_role("dialog")
    for name in names[1:]:
        await page.keyboard.press("ArrowRight")
        await expect(dialog.get_by_role("heading", level=2).first).to_have_text(name)
    await page.keyboard.press("Escape")
    await expect(page.locator(".card").last.get_by_role("button")).to_be_focused()


async def test_enter_goes_on_in_one_direction_from_record_to_record(signed_in: Page) -> None:
    page = signed_in
    names = await with_three_records(page)
    dialog = page.get_by_role("dialog")
    title = dialog.get_by_role("heading", level=2).first
    await dialog.get_by_role("button", name="Older record").focus()
    for name in [*names[1:], names[-1]]:
        await page.keyboard.press("Enter")
        await expect(title).to_have_text(name)
    await dialog.get_by_role("button", name="Newer record").focus()
    for name in names[1::-1]:
        await page.keyboard.press("Enter")
        await expect(title).to_have_text(name)


async def press_until(page: Page, name: str) -> None:
    """Press Tab until an element has the focus whose name begins so, spaces aside."""
    for _ in range(30):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(
            """() => {
                const element = document.activeElement;
                const text = element.getAttribute("aria-label") ?? element.textContent;
                return text.replace(/\\s+/g, "");
            }"""
        )
        if focused.startswith(name.replace(" ", "")):
            return
    raise AssertionError(f"no key leads to {name}")


@pytest.mark.parametrize(
    "state", [first_visit, few_faces, live_ready, detail], ids=lambda state: state.__name__
)
async def test_text_at_twice_its_size_fits_a_phone(signed_in: Page, state: State) -> None:
    page = signed_in
    settings = await page.context.new_cdp_session(page)
    sizes = {"standard": 32, "fixed": 26}
    await settings.send("Page.setFontSizes", {"fontSizes": sizes})
    await state(page)
    await page.set_viewport_size(PHONE)
    assert not await page.evaluate(TOO_WIDE)
    for part in ("header .tabs", "dialog .title, main .hint, main .lead, main .line"):
        cut_off = "parts => parts.filter((each) => each.scrollWidth > each.clientWidth).length"
        assert await page.locator(part).evaluate_all(cut_off) == 0
    size = "() => getComputedStyle(document.body).fontSize"
    assert await page.evaluate(size) == "32px"


async def test_a_result_is_printed_whole_in_ink_on_white(signed_in: Page) -> None:
    page = signed_in
    await page.emulate_media(color_scheme="dark")
    await few_faces(page)
    await page.get_by_role("button", name="Zoom in").click()
    await page.emulate_media(color_scheme="dark", media="print")
    inks = await page.evaluate(
        """() => ["color", "backgroundColor"].map((ink) => getComputedStyle(document.body)[ink])"""
    )
    assert inks == ["rgb(27, 29, 34)", "rgba(0, 0, 0, 0)"]
    for part in (".top", ".tools", ".zoom", ".code-panel", ".foot a"):
        await expect(page.locator(part).first).to_be_hidden()
    for part in (".stage img", ".face .line", ".counts"):
        await expect(page.locator(part).first).to_be_visible()
    [layer, frame] = [await page.locator(part).bounding_box() for part in (".layer", ".frame")]
    assert layer == frame


async def test_start_and_stop_have_their_signs_in_forced_colours(signed_in: Page) -> None:
    page = signed_in
    await page.emulate_media(forced_colors="active", color_scheme="light")

    async def sign_of(name: str) -> list[int]:
        """How many dark pixels each column of the sign has."""
        button = page.get_by_role("button", name=name, exact=True)
        with Image.open(io.BytesIO(await button.screenshot())) as picture:
            [top, bottom] = [round(picture.height * share) for share in (0.25, 0.75)]
            dark = np.asarray(picture.convert("L"))[top:bottom, 10 : picture.width // 3] < 128
        return [int(column) for column in dark.sum(axis=0) if column]

    await live_ready(page)
    triangle = await sign_of("Start")
    assert triangle[0] > 2 * triangle[-1]
    await page.get_by_role("button", name="Start").click()
    await page.locator(".live-stage .box").wait_for()
    square = await sign_of("Stop")
    assert square[0] == square[-1]


async def test_reduced_motion_is_respected(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/api/detect", hold)
    await page.goto("/")
    await choose(page, file("a.jpg", portrait()))
    frame = page.locator(".is-working .frame")
    await frame.wait_for()
    moving = "frame => getComputedStyle(frame, '::after').animationName"
    assert await frame.evaluate(moving) == "none"
    await page.emulate_media(reduced_motion="no-preference")
    assert await frame.evaluate(moving) == "sweep"
    for route in held:
        await route.abort()


async def test_arrow_keys_switch_between_the_views(page: Page) -> None:
    await page.goto("/")
    await page.get_by_role("tab", name="Detect").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tab", name="Live")).to_be_focused()
    await expect(page.get_by_role("tabpanel", name="Live")).to_be_visible()
    await page.keyboard.press("End")
    await expect(page.get_by_role("tabpanel", name="History")).to_be_visible()
    assert page.url.endswith("#history")
    await expect(page).to_have_title("History · Emotion API")


async def test_the_colour_scheme_can_be_chosen_and_is_kept(page: Page) -> None:
    await page.goto("/")
    await page.emulate_media(color_scheme="dark")
    await expect(page.get_by_role("button", name="Use light colours")).to_be_visible()
    await page.emulate_media(color_scheme="light")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(paper)
    await page.get_by_role("button", name="Use dark colours").click()
    dark = await page.evaluate(paper)
    assert dark != light
    await page.reload()
    assert await page.evaluate(paper) == dark
