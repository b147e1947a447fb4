"""Photographs on the page."""

import json
import re

from playwright.async_api import FilePayload, Page, expect

from tests.e2e.browser.pictures import FACE_X, FACE_Y, pair, portrait

FIVE_MIB = 5 * 2**20


def file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


async def choose(page: Page, *files: FilePayload) -> None:
    await page.set_input_files("#photographs", list(files))


async def test_a_guest_sees_the_face_boxed_and_named_and_what_is_left(page: Page) -> None:
    await page.goto("/")
    await expect(page.locator("#usage")).to_have_text("3 of 3 free photographs left")
    await choose(page, file("eileen.jpg", portrait()))
    await page.locator(".box").wait_for()
    assert await covers(page, ".box", FACE_X / 512, FACE_Y / 512)
    await expect(page.get_by_role("heading", name="Face 1: happy")).to_be_visible()
    await expect(page.locator(".face .bars li").first).to_contain_text("happy")
    assert await page.locator(".face .bars li").count() == 7
    shown = json.loads(await page.locator(".json pre").inner_text())
    assert shown["filename"] == "eileen.jpg"
    assert len(shown["detection_results"]["faces"]) == 1
    await expect(page.locator("#usage")).to_have_text("2 of 3 free photographs left")


async def test_boxes_and_bars_point_at_each_other(page: Page) -> None:
    await page.goto("/")
    await choose(page, file("two.jpg", pair()))
    boxes, cards = page.locator(".box"), page.locator(".face")
    await expect(boxes).to_have_count(2)
    await boxes.nth(1).hover()
    await expect(cards.nth(1)).to_have_class(re.compile("is-linked"))
    await expect(cards.nth(0)).not_to_have_class(re.compile("is-linked"))
    await cards.nth(0).get_by_role("button").focus()
    await expect(boxes.nth(0)).to_have_class(re.compile("is-linked"))
    await boxes.nth(1).press("Enter")
    await expect(cards.nth(1).get_by_role("button")).to_be_focused()


async def test_photographs_may_be_dropped_and_pasted(page: Page) -> None:
    await page.goto("/")
    give = """([bytes, type]) => {
        const carried = new DataTransfer();
        carried.items.add(new File([new Uint8Array(bytes)], type + ".jpg", {type: "image/jpeg"}));
        const event = type === "paste"
            ? new ClipboardEvent("paste", {clipboardData: carried, bubbles: true})
            : new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true});
        document.querySelector(".drop").dispatchEvent(event);
    }"""
    for way in ("drop", "paste"):
        await page.evaluate(give, [list(portrait()), way])
        await expect(page.locator("figcaption")).to_contain_text(f"{way}.jpg · 1 face")


async def test_several_photographs_are_read_at_once_and_each_fault_is_named(
    signed_in: Page,
) -> None:
    page = signed_in
    await choose(
        page,
        file("same.jpg", portrait()),
        file("same.jpg", pair()),
        file("notes.jpg", b"not a photograph"),
        file("huge.jpg", bytes(FIVE_MIB + 1)),
    )
    strip = page.locator(".strip")
    await expect(strip.get_by_role("button", name="same.jpg: 1 face")).to_be_visible()
    await expect(strip.get_by_role("button", name="same.jpg: 2 faces")).to_be_visible()
    await strip.get_by_role("button", name="notes.jpg: failed").click()
    await expect(page.get_by_role("alert")).to_contain_text("could not be analysed")
    await strip.get_by_role("button", name="huge.jpg: failed").click()
    await expect(page.get_by_role("alert")).to_contain_text("at most 5 MiB")
    await strip.get_by_role("button", name="same.jpg: 2 faces").click()
    await expect(page.locator(".box")).to_have_count(2)


async def test_a_guest_is_told_when_nothing_is_left_and_what_helps(page: Page) -> None:
    await page.goto("/")
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(4)])
    await page.get_by_role("button", name="3.jpg: failed").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Guest limit reached")
    await expect(alert).to_contain_text("Sign in for more, or come back in 24 h.")
    await expect(page.locator("#usage")).to_have_text("0 of 3 free photographs left")


async def test_a_picture_without_a_face_is_no_error(page: Page) -> None:
    from tests.e2e.browser.pictures import astronaut, jpeg

    await page.goto("/")
    await choose(page, file("collar.jpg", jpeg(astronaut().crop((330, 250, 500, 500)))))
    await expect(page.get_by_text("No face was found.")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_a_service_that_is_gone_is_named(page: Page) -> None:
    await page.goto("/")
    await page.route("**/api/detect", lambda route: route.abort())
    await choose(page, file("a.jpg", portrait()))
    await expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached")


async def covers(page: Page, selector: str, x: float, y: float) -> bool:
    """Whether the element lies over a point of the picture, given in shares of its size."""
    picture = await page.locator(".stage img").bounding_box()
    box = await page.locator(selector).bounding_box()
    assert picture is not None
    assert box is not None
    at_x = picture["x"] + x * picture["width"]
    at_y = picture["y"] + y * picture["height"]
    return (
        box["x"] < at_x < box["x"] + box["width"]
        and box["y"] < at_y < box["y"] + box["height"]
        and box["width"] < picture["width"] / 2
    )
