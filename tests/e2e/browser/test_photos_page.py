"""Photos on the page."""

import asyncio
import io
import json
import re
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.async_api import Browser, Dialog, FilePayload, Page, Route, expect

from tests.e2e.browser.choosing import choose, file
from tests.e2e.browser.network import slow_down
from tests.e2e.browser.phone import PHONE
from tests.e2e.browser.pictures import (
    FACE_IN_PHONE_PHOTO,
    FACE_X,
    FACE_Y,
    astronaut,
    pair,
    phone_photo,
    portrait,
)
from tests.e2e.service_process import ServiceProcess

FIVE_MIB = 5 * 2**20


async def test_a_guest_sees_the_boxed_face_and_the_remaining_quota(
    page: Page, tmp_path: Path
) -> None:
    await page.goto("/")
    await expect(page.locator("#usage")).to_have_text("3 of 3 photos left")
    name = 'Eileen\'s "portrait".jpg'
    await choose(page, file(name, portrait()))
    await page.locator(".box").wait_for()
    assert await covers(page, ".box", FACE_X / 512, FACE_Y / 512)
    await expect(
        page.get_by_role("button", name=re.compile("^Face 1 happy"), expanded=True)
    ).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text=f"{name}: 1 happy")).to_be_attached()
    await expect(page.locator(".face .bars li").first).to_contain_text("happy")
    assert await page.locator(".face .bars li").count() == 7
    shown = json.loads(await page.locator(".json pre").text_content() or "")
    assert shown["filename"] == name
    assert len(shown["detection_results"]["faces"]) == 1
    await expect(page.locator("#usage")).to_have_text("2 of 3 photos left")
    command = await page.locator(".request pre").text_content() or ""
    (tmp_path / name).write_bytes(portrait())
    same = await asyncio.to_thread(
        subprocess.run, ["bash", "-c", command], cwd=tmp_path, capture_output=True, check=True
    )
    assert json.loads(same.stdout)["detection_results"]["face_detected"]


async def test_a_guest_saves_a_photo_with_its_boxes(page: Page) -> None:
    await page.goto("/")
    await choose(page, file("two.jpg", pair()))
    boxes = [
        face["box"]
        for face in json.loads(await page.locator(".json pre").text_content() or "")[
            "detection_results"
        ]["faces"]
    ]
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Save with boxes").click()
    saved = await download.value
    assert saved.suggested_filename == "two-faces.jpg"
    before = np.asarray(Image.open(io.BytesIO(pair())).convert("RGB"), int)
    after = np.asarray(Image.open(await saved.path()).convert("RGB"), int)
    assert after.shape == before.shape
    changed = np.abs(after - before).max(axis=2) > 60
    for x, y, _width, height in boxes:
        edge = changed[y : y + height, max(x - 2, 0) : x + 3].any(axis=1)
        assert edge.mean() > 0.8, "its left side is drawn from top to bottom"
    assert changed.mean() < 0.2, "the rest of the photo is as it was"


async def test_boxes_and_lines_are_linked(page: Page) -> None:
    await page.goto("/")
    await choose(page, file("two.jpg", pair()))
    boxes, lines = page.locator(".box"), page.locator(".face")
    await expect(boxes).to_have_count(2)
    await boxes.nth(1).hover()
    await expect(lines.nth(1)).to_have_class(re.compile("is-linked"))
    await expect(lines.nth(0)).not_to_have_class(re.compile("is-linked"))
    await lines.nth(0).get_by_role("button").focus()
    await expect(boxes.nth(0)).to_have_class(re.compile("is-linked"))
    await boxes.nth(1).press("Enter")
    await expect(lines.nth(1).get_by_role("button")).to_be_focused()


async def test_photos_may_be_dropped_and_pasted_on_every_view(page: Page) -> None:
    await page.goto("/")
    give = """([bytes, type]) => {
        const carried = new DataTransfer();
        carried.items.add(new File([new Uint8Array(bytes)], type + ".jpg", {type: "image/jpeg"}));
        const event = type === "paste"
            ? new ClipboardEvent("paste", {clipboardData: carried, bubbles: true})
            : new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true});
        document.body.dispatchEvent(event);
    }"""
    for way in ("drop", "paste"):
        await page.goto("/#history")
        await page.evaluate(give, [list(portrait()), way])
        await expect(page.get_by_role("tabpanel", name="Detect")).to_be_visible()
        await expect(page.locator("figcaption")).to_contain_text(f"{way}.jpg ·")
        await expect(page.locator(".face")).to_have_count(1)


async def test_forward_leads_to_the_result_that_back_left_until_it_is_cleared(page: Page) -> None:
    await page.goto("/")
    await choose(page, file("one.jpg", portrait()))
    await expect(page.locator(".face")).to_have_count(1)
    await page.go_back()
    await expect(page.locator(".drop")).to_be_visible()
    await expect(page.locator(".face")).to_be_hidden()
    await page.go_forward()
    await expect(page.locator("figcaption")).to_contain_text("one.jpg")
    await expect(page.locator(".face")).to_be_visible()
    await page.go_back()
    await choose(page, file("two.jpg", pair()))
    await expect(page.locator(".face")).to_have_count(2)
    await expect(page.get_by_role("list", name="Photos")).to_be_hidden()
    await page.get_by_role("button", name="Clear").click()
    await page.go_back()
    await expect(page.locator(".drop")).to_be_visible()
    assert page.url.endswith("#detect")


async def test_a_guest_who_signs_in_gets_all_photos_analysed(page: Page, id_token: str) -> None:
    await page.goto("/")
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(5)])
    everything = page.get_by_role("region", name="All photos")
    await expect(everything).to_contain_text("3 of 5 photos analysed, 2 failed")
    await everything.get_by_role("button", name="Sign in to analyse 2 more").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("ID token").fill(id_token)
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(everything).to_contain_text("5 of 5 photos analysed")


async def test_a_refused_file_is_explained_in_the_same_words_alone_and_in_a_batch(
    signed_in: Page,
) -> None:
    page = signed_in
    notes = file("notes.jpg", b"not a photo")
    await choose(page, notes)
    alone = await page.get_by_role("alert").inner_text()
    assert alone.startswith("notes.jpg: This photo could not be analysed")
    await page.get_by_role("button", name="Clear").click()
    await choose(page, notes, file("one.jpg", portrait()))
    await page.get_by_role("button", name="notes.jpg: failed").click()
    assert await page.get_by_role("alert").inner_text() == alone


async def test_a_phone_photo_is_reduced_and_its_boxes_are_in_the_originals_pixels(
    page: Page, tmp_path: Path
) -> None:
    await page.goto("/")
    taken = tmp_path / "phone.jpg"
    taken.write_bytes(phone_photo())
    assert taken.stat().st_size > 9_000_000
    async with page.expect_request("**/api/detect", timeout=180_000) as upload:
        await page.set_input_files("#photos", taken)
    await page.locator(".box").wait_for(timeout=180_000)
    sent = await (await upload.value).all_headers()
    assert 1_000_000 < int(sent["content-length"]) <= FIVE_MIB + 1000
    caption = page.locator("figcaption")
    await expect(caption).to_contain_text("3000 × 4000 px")
    await expect(caption).to_contain_text(re.compile("reduced from 9.\\d\u00a0MiB to [1-5]"))
    assert await covers(page, ".box", *FACE_IN_PHONE_PHOTO)
    shown = json.loads(await page.locator(".json pre").text_content() or "")
    assert shown["image"] == {"width": 3000, "height": 4000}
    x, y, width, height = shown["detection_results"]["faces"][0]["box"]
    assert x < 3000 * FACE_IN_PHONE_PHOTO[0] < x + width
    assert y < 4000 * FACE_IN_PHONE_PHOTO[1] < y + height
    assert width > 400


async def test_a_photo_on_a_slow_line_shows_its_progress_and_can_be_cancelled(page: Page) -> None:
    await page.goto("/")
    await slow_down(page)
    await choose(page, file("slow.jpg", portrait()))
    working = page.get_by_role("status").filter(has_text="slow.jpg")
    await expect(working).to_have_text(re.compile("Sending slow.jpg … [1-9]\\d?\u00a0%"))
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("alert")).to_contain_text("Cancelled")
    await expect(page.locator("#usage")).to_have_text("3 of 3 photos left")


async def test_leaving_while_a_photo_is_sent_asks_first(page: Page) -> None:
    await page.goto("/")
    await page.locator("#usage").click()  # Browsers ask only people who have used the page.
    asked: list[str] = []

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.dismiss()

    page.on("dialog", stay)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/api/detect", hold)
    async with page.expect_request("**/api/detect"):
        await choose(page, file("one.jpg", portrait()))
    async with page.expect_event("dialog"):
        await page.evaluate("() => { setTimeout(() => location.reload()); }")
    await held[0].continue_()
    await expect(page.locator(".face")).to_have_count(1)
    await page.reload()
    await expect(page.locator(".drop")).to_be_visible()
    assert asked == ["beforeunload"]


async def test_a_guest_without_quota_is_told_what_to_do(page: Page) -> None:
    await page.goto("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await choose(page, *[file(f"{number}.jpg", portrait()) for number in range(5)])
    await page.get_by_role("button", name="3.jpg: failed").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text(re.compile("^Guest limit reached"))
    await expect(alert).to_contain_text("you can analyse 3 photos")
    await expect(alert).to_contain_text("Sign in to continue, or come back in 24 hours.")
    await expect(page.locator("#usage")).to_have_text("0 of 3 photos left")
    assert len([url for url in asked if url.endswith("/api/detect")]) == 4
    await alert.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def test_a_guest_without_quota_is_told_before_choosing_a_photo(page: Page) -> None:
    spent = {"usage_count": 6, "max_usage": 6, "remaining": 0}  # by others at the same address
    await page.route("**/auth/usage", lambda route: route.fulfill(json=spent))
    await page.goto("/")
    said = page.get_by_text("No photos are left without an account for now.")
    await expect(said).to_be_visible()
    spent["remaining"] = 1
    await page.reload()
    await expect(page.locator("#usage")).to_have_text("1 of 6 photos left")
    await expect(said).to_have_count(0)


async def test_a_photo_without_a_face_is_not_an_error_and_gives_advice(page: Page) -> None:
    await page.goto("/")
    await page.get_by_role("button", name="A cat").click()
    await expect(page.get_by_role("heading", name="No face found")).to_be_visible()
    await expect(page.locator(".no-face")).to_contain_text("from 64 px across")
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_samples_are_analysed_with_one_click_and_do_not_count(page: Page) -> None:
    await page.goto("/")
    await page.get_by_role("button", name="An astronaut").click()
    await expect(page.get_by_role("button", name="Face 1 happy")).to_be_visible()
    await page.go_back()
    await page.get_by_role("button", name="A crowd").click()
    await expect(page.get_by_role("button", name="12 happy", exact=True)).to_be_visible()
    await expect(page.locator("#usage")).to_have_text("3 of 3 photos left")


async def test_a_double_click_takes_a_sample_once(page: Page) -> None:
    await page.goto("/")
    await page.get_by_role("button", name="A crowd").dblclick()
    await expect(page.locator(".face")).to_have_count(18)
    await expect(page.locator(".photo")).to_have_count(1)


async def test_an_unreachable_service_is_explained(page: Page) -> None:
    await page.goto("/")
    for part in ("web/samples", "api/detect"):
        await page.route(f"**/{part}**", lambda route: route.abort())
    await page.get_by_role("button", name="An astronaut").click()
    await expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached")
    await choose(page, file("a.jpg", portrait()))
    await expect(page.locator("#detect").get_by_role("alert")).to_contain_text(
        "The service cannot be reached"
    )


async def covers(page: Page, selector: str, x: float, y: float) -> bool:
    """Whether the element covers a point of the picture, given in shares of its size."""
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


def tiff(picture: Image.Image) -> FilePayload:
    scan = io.BytesIO()
    picture.save(scan, "TIFF")
    return {"name": "a.tiff", "mimeType": "image/tiff", "buffer": scan.getvalue()}


async def test_a_photo_that_the_browser_cannot_show_is_fetched_as_jpeg(
    signed_in: Page,
) -> None:
    page = signed_in
    await choose(page, tiff(astronaut()))
    await page.locator(".frame img").wait_for()
    width = await page.locator(".frame img").evaluate("picture => picture.naturalWidth")
    assert width == 512
    await expect(page.locator(".face canvas.crop")).to_have_count(1)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Save with boxes").click()
    assert (await download.value).suggested_filename == "a-faces.jpg"
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("button", name="Clear").click()
    face_in_the_middle = astronaut().crop((100, 0, 350, 230))
    await choose(page, tiff(face_in_the_middle))
    await page.locator(".box").wait_for()
    await expect(page.locator(".stand-in")).to_have_text(
        "This browser cannot show TIFF. Signed in, you see it as JPEG."
    )
    apart = """() => {
        const text = document.createRange();
        text.selectNodeContents(document.querySelector(".stand-in"));
        const box = document.querySelector(".box").getBoundingClientRect();
        return text.getBoundingClientRect().top > box.bottom;
    }"""
    assert await page.evaluate(apart)


async def test_a_phone_is_not_filled_with_what_says_nothing(signed_in: Page) -> None:
    page = signed_in
    await page.set_viewport_size(PHONE)
    await choose(page, file("notes.jpg", b"not a photo"))
    await page.get_by_role("alert").wait_for()
    stage = await page.locator(".stage").bounding_box()
    assert stage is not None
    assert stage["height"] < 160
    await page.get_by_role("button", name="Clear").click()
    await choose(page, file("one.jpg", portrait()))
    await expect(page.locator(".face")).to_have_count(1)
    await expect(page.get_by_role("region", name="Summary")).to_have_count(0)


async def test_the_page_says_what_it_does_before_its_scripts_are_there(page: Page) -> None:
    arrived = asyncio.Event()

    async def late(route: Route) -> None:
        await arrived.wait()
        await route.continue_()

    await page.route("**/js/main.js", late)
    question = page.get_by_text("Which emotions does a face show?")
    await page.goto("/#history", wait_until="commit")
    await page.locator("footer").wait_for()
    await expect(question).to_be_hidden()
    tabs = page.get_by_role("tab")
    looks = await tabs.evaluate_all("tabs => tabs.map(tab => getComputedStyle(tab).background)")
    assert len(set(looks)) == 1  # None looks as if it was selected.
    await page.evaluate("localStorage.setItem('emotion-api.theme', 'dark')")
    await page.goto("/?slow", wait_until="commit")
    await expect(question).to_be_visible()
    before = await question.bounding_box()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(page.get_by_role("button", name="Choose files")).to_be_disabled()
    drops = page.get_by_text("or drop them anywhere")
    await expect(drops).to_be_hidden()
    arrived.set()
    await page.get_by_role("button", name="An astronaut").wait_for()
    await expect(drops).to_be_visible()
    assert await question.bounding_box() == before


async def test_without_scripts_the_page_shows_nothing_that_needs_them(
    browser: Browser, site: ServiceProcess
) -> None:
    context = await browser.new_context(base_url=site.url, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/")
    await expect(page.get_by_role("link", name="Try the API")).to_be_visible()
    await expect(page.locator("button").filter(visible=True)).to_have_count(0)
    await context.close()


async def test_on_a_phone_the_example_stands_where_the_focus_reaches_it(page: Page) -> None:
    await page.set_viewport_size(PHONE)
    await page.goto("/")
    chooser = await page.locator(".chooser").bounding_box()
    example = await page.locator(".example").bounding_box()
    assert chooser is not None
    assert example is not None
    assert chooser["y"] < example["y"]


async def test_an_answer_arrives_once(page: Page) -> None:
    await page.emulate_media(reduced_motion="no-preference")
    await page.goto("/")
    await page.evaluate(
        """() => {
            window.begun = [];
            addEventListener("animationstart", ({ animationName }) => begun.push(animationName));
        }"""
    )
    await choose(page, file("one.jpg", portrait()))
    await page.wait_for_function("() => begun.includes('close-in') && begun.includes('grow')")
    await page.locator(".workspace .is-arriving").first.wait_for(state="detached")
    await page.evaluate("() => { begun.length = 0; }")
    await page.get_by_role("tab", name="Live").click()
    await page.get_by_role("tab", name="Detect").click()
    await expect(page.locator(".frame .box")).to_be_visible()
    await page.wait_for_timeout(100)
    assert await page.evaluate("begun") == []


async def test_the_first_visit_shows_what_an_answer_looks_like(page: Page) -> None:
    await page.goto("/")
    example = page.get_by_role("button", name=re.compile("An example: neutral .* happy"))
    await expect(example.locator(".label .word")).to_have_text(["neutral", "happy"])
    await expect(page.locator("#usage")).to_have_text("3 of 3 photos left")
    await example.click()
    await expect(page.locator(".face")).to_have_count(2)
    await expect(page.locator("#usage")).to_have_text("3 of 3 photos left")


async def test_without_an_answer_the_example_is_a_picture(page: Page) -> None:
    await page.route("**/samples/pair.jpg", lambda route: route.abort())
    await page.route("**/web/samples/pair.jpg", lambda route: route.continue_())
    await page.goto("/")
    await page.wait_for_function("() => document.querySelector('.example img')?.naturalWidth > 0")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await page.get_by_role("button", name="An astronaut").click()
    await page.locator(".face").wait_for()
