"""The webcam on the page."""

import json
import socket
from dataclasses import fields
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, expect

from adapters.local_auth import JwtTokenService
from adapters.system.clock import SystemClock
from domain.session_config import SessionConfig
from tests.e2e.browser.answers import face
from tests.e2e.browser.conftest import SECRET, new_id_token, sign_in
from tests.e2e.browser.live import start
from tests.e2e.browser.pictures import CLIP_SIZE, LEFT, RIGHT
from tests.e2e.service_process import serving

# What a visitor sees at one moment: the position of the mark in the camera's picture, and of the
# box, both in pixels of the clip.
LOOK = """() => {
    const video = document.querySelector("video"), box = document.querySelector(".live-stage .box");
    if (!video.videoWidth || !box) return null;
    const canvas = document.createElement("canvas");
    Object.assign(canvas, {width: video.videoWidth, height: 8});
    const pen = canvas.getContext("2d");
    pen.drawImage(video, 0, 0);
    const row = pen.getImageData(0, 4, canvas.width, 1).data;
    const marked = [];
    for (let x = 0; x < canvas.width; x += 1) {
        if (row[4 * x + 1] > 200 && row[4 * x] < 90 && row[4 * x + 2] < 90) marked.push(x);
    }
    if (!marked.length) return null;
    const stage = video.getBoundingClientRect(), place = box.getBoundingClientRect();
    return {
        mark: marked[marked.length >> 1],
        box: (place.x + place.width / 2 - stage.x) * video.videoWidth / stage.width,
        track: box.dataset.track,
        label: box.innerText,
    };
}"""
NEAR_PX = 40
ENTER = "40/emotion-detection,"  # connects to the namespace; the token follows as JSON


async def test_the_box_follows_the_face_and_keeps_its_track(signed_in: Page) -> None:
    page = signed_in
    await start(page)
    tracks = set()
    # The face pauses at both ends of its path, so even on a slow machine the box arrives.
    for is_there in (f"seen.mark < {LEFT + 150}", f"seen.mark > {RIGHT + 80}"):
        arrived = await page.wait_for_function(
            f"() => {{ const seen = ({LOOK})();"
            f" return seen && {is_there} && Math.abs(seen.mark - seen.box) < {NEAR_PX} && seen; }}"
        )
        seen = await arrived.json_value()
        assert "happy" in seen["label"]
        tracks.add(seen["track"])
    assert tracks == {"face_1"}
    figures = await page.locator(".figures").inner_text()
    assert "–" not in figures
    await expect(page.locator(".timeline canvas")).to_have_attribute(
        "aria-label", "Mostly happy now"
    )


async def test_a_mirrored_picture_has_mirrored_boxes(signed_in: Page) -> None:
    page = signed_in
    await start(page)
    await page.get_by_label("Mirror").check()
    await page.wait_for_function(
        f"() => {{ const seen = ({LOOK})(); return seen && seen.mark < {LEFT + 150}"
        f" && Math.abs({CLIP_SIZE[0]} - seen.mark - seen.box) < {NEAR_PX}; }}"
    )


async def test_a_stopped_session_is_summarised_and_saved_on_request(signed_in: Page) -> None:
    page = signed_in
    await start(page)
    await page.get_by_label("Save a summary in my history").check()
    await page.get_by_role("button", name="Stop", exact=True).click()
    await expect(page.locator(".summary")).to_contain_text("It was saved in your history.")
    await expect(page.locator(".summary tbody")).to_contain_text("happy")
    await expect(page.locator(".live-stage .box")).to_have_count(0)
    assert await page.evaluate("() => document.querySelector('video').srcObject === null")
    await page.get_by_role("link", name="Open it").click()
    chart = page.get_by_role("dialog").get_by_role(
        "img", name="Face 1: mostly happy (100 % of its time)"
    )
    await expect(chart).to_be_visible()
    assert await chart.locator("rect").count() > 0


@pytest.mark.parametrize("user", ["the same user", "another user"])
async def test_a_camera_that_is_allowed_after_the_view_was_left_is_not_left_on(
    signed_in: Page, user: str
) -> None:
    page = signed_in
    await page.evaluate(
        """() => {
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            const answer = new Promise((resolve) => { window.allow = resolve; });
            navigator.mediaDevices.getUserMedia = async (wanted) => {
                await answer;
                return window.stream = await ask(wanted);
            };
        }"""
    )
    await page.get_by_role("tab", name="Live").click()
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator(".live-view .state")).to_have_text("Waiting for the camera …")
    await page.get_by_role("tab", name="Detect").click()
    if user == "another user":
        await page.get_by_role("button", name="Sign out").click()
        await sign_in(page, new_id_token())
    await page.evaluate("() => allow()")
    await page.wait_for_function("() => window.stream?.getTracks()[0].readyState === 'ended'")
    await start(page)


async def test_the_timeline_follows_who_is_there_until_one_is_picked(signed_in: Page) -> None:
    seen = await signed_in.evaluate(
        """async (face) => {
            const { Timeline } = await import("/web/js/timeline.js");
            const timeline = new Timeline();
            document.body.append(timeline.element);
            const show = (...ids) => timeline.add(ids.map((id) => ({ ...face, tracking_id: id })));
            let now = performance.now();
            performance.now = () => now;
            const said = [];
            const look = () => said.push([
                timeline.element.querySelector("select").value,
                timeline.element.querySelector(".legend li").innerText.split(/\\s/).pop(),
            ]);
            const steps = [["face_1"], [], ["face_2"], ["face_1", "face_2"], "face_1", ["face_2"]];
            for (const step of steps) {
                if (typeof step === "string") timeline.choose(step);
                else show(...step);
                look();
                now += 5000;
            }
            return said;
        }""",
        face((0, 0, 9, 9), "happy"),
    )
    assert seen == [
        ["face_1", "%"],
        ["face_1", "happy"],
        ["face_2", "%"],
        ["face_2", "%"],
        ["face_1", "happy"],
        ["face_1", "happy"],
    ]


async def test_a_session_can_still_be_saved_when_it_ends(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_role("tab", name="Live").click()
    await expect(page.locator(".live-stage")).to_contain_text("A summary is kept if you save it.")
    at_last = page.get_by_role("button", name="Stop and save")
    await expect(at_last).to_be_hidden()
    await start(page)
    keep = page.get_by_label("Save a summary in my history")
    await keep.check()
    await expect(at_last).to_be_hidden()
    await keep.uncheck()
    await at_last.press("Enter")
    await expect(page.locator(".summary")).to_contain_text("It was saved in your history.")
    await expect(page.get_by_role("button", name="Start")).to_be_focused()
    await start(page)
    await page.get_by_role("button", name="Stop", exact=True).click()
    await expect(page.locator(".summary")).to_contain_text("It was not saved")


async def test_the_picture_stays_in_its_place_when_a_session_starts(signed_in: Page) -> None:
    page = signed_in
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.get_by_role("tab", name="Live").click()
    stage = page.locator(".live-stage")
    before = await stage.bounding_box()
    await start(page)
    after = await stage.bounding_box()
    assert before is not None
    assert after is not None
    assert before["y"] == after["y"]
    tops = page.locator(".toggle, .live-controls select, .figures")
    edges = await tops.evaluate_all("all => all.map((each) => each.getBoundingClientRect().top)")
    assert len(edges) == 3
    assert max(edges) - min(edges) < 2


async def test_what_has_nothing_to_show_is_not_there(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_role("tab", name="Live").click()
    figures, timeline = page.locator(".figures"), page.locator(".timeline")
    await expect(page.get_by_role("button", name="Start")).to_be_visible()
    await expect(figures).to_be_hidden()
    await expect(timeline).to_be_hidden()
    await start(page)
    await expect(figures).to_be_visible()
    await expect(timeline).to_be_visible()
    await page.get_by_role("button", name="Stop", exact=True).click()
    await expect(page.locator(".summary")).to_be_visible()
    await expect(figures).to_be_hidden()
    await expect(timeline).to_be_visible()


async def test_a_session_that_is_left_for_the_history_is_in_it(signed_in: Page) -> None:
    page = signed_in
    await start(page)
    await page.get_by_label("Save a summary in my history").check()
    await page.get_by_role("tab", name="History").click()
    await expect(page.locator(".card .kind")).to_contain_text("Live")


async def test_settings_take_effect_during_a_session(signed_in: Page) -> None:
    page = signed_in
    await start(page)
    await page.get_by_text("Settings", exact=True).click()
    await page.get_by_label("Draw boxes").uncheck()
    await expect(page.locator(".live-stage .box")).to_have_count(0)
    await page.get_by_label("Draw boxes").check()
    await expect(page.locator(".live-stage .box")).to_have_count(1)


async def test_a_session_continues_with_a_new_token_when_its_own_has_expired(
    signed_in: Page,
) -> None:
    page = signed_in
    held = "() => JSON.parse(sessionStorage.getItem('emotion-api.sign-in'))"
    user_id = (await page.evaluate(held))["user"]["user_id"]
    lifetimes = {f"{kind}_lifetime_s": 3 for kind in ("access", "refresh", "guest")}
    tokens = JwtTokenService(secret=SECRET, clock=SystemClock(), **lifetimes)
    short: list[str] = []

    def begin_with_a_short_token(way: WebSocketRoute) -> None:
        server = way.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            is_first = isinstance(message, str) and message.startswith(ENTER) and not short
            if is_first:
                short.append(tokens.issue_access(user_id).value)
                message = ENTER + json.dumps({"token": short[0]})
            server.send(message)

        way.on_message(pass_on)

    await page.route_web_socket("**/socket.io/**", begin_with_a_short_token)
    await page.reload()
    await page.get_by_role("tab", name="Live").click()
    await page.get_by_role("button", name="Start").click()
    state = page.locator(".live-view .state")
    await expect(state).to_have_text("Running again: sign-in renewed.", timeout=60_000)
    await page.locator(".live-stage .box").wait_for()
    assert await page.get_by_role("alert").all_inner_texts() == []


async def test_a_session_continues_after_the_network_or_the_service_was_down(
    browser: Browser, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    context = await browser.new_context()
    page = await context.new_page()
    state = page.locator(".live-view .state")
    async with serving(tmp_path, PORT=port) as site:
        await page.goto(site.link.replace("localhost", "127.0.0.1"))
        await start(page)
        await context.set_offline(True)
        await expect(state).to_have_text("The connection was lost. Reconnecting …")
        await expect(page.locator(".figures dd")).to_have_text(["–"] * 4)
        # The next session counts its faces from one again: the line would go on as somebody else's.
        timeline = page.locator(".timeline canvas")
        await expect(timeline).to_have_attribute("aria-label", "No face yet")
        at_last = page.get_by_role("button", name="Stop and save")
        await expect(at_last).to_be_hidden()  # What was lost cannot be saved.
        await context.set_offline(False)
        await expect(state).to_have_text("Running again: reconnected.", timeout=30_000)
        await expect(at_last).to_be_visible()
        await page.locator(".live-stage .box").wait_for()
    await expect(state).to_have_text("The connection was lost. Reconnecting …")
    async with serving(tmp_path, PORT=port):
        await expect(state).to_have_text("Running again: reconnected.", timeout=30_000)
        await page.locator(".live-stage .box").wait_for()
        assert await page.get_by_role("alert").all_inner_texts() == []
        await context.close()


async def test_every_setting_of_the_contract_can_be_chosen(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_role("tab", name="Live").click()
    names = await page.locator(".live-settings form").evaluate(
        "form => [...form.elements].map(({name}) => name)"
    )
    assert set(names) == {field.name for field in fields(SessionConfig)}


async def test_a_face_has_the_same_name_on_its_box_in_the_selector_and_in_the_summary(
    signed_in: Page,
) -> None:
    page = signed_in
    await start(page)
    await expect(page.locator(".live-stage .label .number")).to_have_text("Face 1")
    await expect(page.locator(".live-stage .label .number")).to_be_visible()
    await expect(page.get_by_label("Face in the timeline").locator("option")).to_have_text(
        ["Face 1"]
    )
    stop = page.get_by_role("button", name="Stop", exact=True)
    started_in = await stop.evaluate("button => getComputedStyle(button).backgroundColor")
    await stop.click()
    await expect(page.locator(".summary tbody")).to_contain_text("Face 1")
    await expect(page.locator(".summary")).to_contain_text("It was not saved: for that, end a")
    begin = page.get_by_role("button", name="Start")
    assert await begin.evaluate("button => getComputedStyle(button).backgroundColor") != started_in


async def test_an_emptied_field_changes_nothing(signed_in: Page) -> None:
    page = signed_in
    await page.route(
        "**/js/live-connection.js",
        lambda route: route.fulfill(
            content_type="text/javascript",
            body="""export class LiveConnection {
                constructor(tell) { this.tell = tell; window.asked = 0; window.configured = []; }
                async open() { this.tell.state("running"); }
                get isReady() { window.asked += 1; return false; }
                configure(config) { window.configured.push(config); }
                stop() {}
                close() {}
            }""",
        ),
    )
    await page.goto("/?emptied#live")
    await page.get_by_text("Settings", exact=True).click()
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_function("() => window.asked > 1")
    rate = page.get_by_label("Maximum frames per second")
    await rate.fill("")
    await rate.blur()
    await expect(rate).to_have_value("15")
    await page.wait_for_function(
        "asked => window.asked > asked + 2", arg=await page.evaluate("asked")
    )
    # At 15 frames a second a few are sent in this time; a loop without pauses sends hundreds.
    between = await page.evaluate(
        """async () => {
            const before = window.asked;
            await new Promise((resolve) => setTimeout(resolve, 400));
            return window.asked - before;
        }"""
    )
    assert between <= 15
    assert await page.evaluate("configured") == []
    await rate.fill("20")
    await rate.blur()
    assert await page.evaluate("configured") == [{"max_frame_rate": 20}]


async def test_the_advice_of_the_service_is_applied_with_one_click(signed_in: Page) -> None:
    page = signed_in
    faces = [
        {"tracking_id": f"face_{number}", **face((100 * number, 20, 80, 100), "happy")}
        for number in (1, 2)
    ]
    result = {"faces": faces, "image": {"width": 640, "height": 480}, "fps": 9.0}
    config = {"processing_resolution": [480, 360], "detection_interval": 4, "auto_adjust": True}
    advice = {"message": "too slow", "suggested_config": config}
    await page.route(
        "**/js/live-connection.js",
        lambda route: route.fulfill(
            content_type="text/javascript",
            body=f"""export class LiveConnection {{
                constructor(tell) {{ this.tell = tell; }}
                async open() {{
                    this.tell.result({json.dumps(result)}, null);
                    this.tell.suggestion({json.dumps(advice)});
                }}
                get isReady() {{ return false; }}
                configure(config) {{ this.tell.problem({{message: JSON.stringify(config)}}); }}
                stop() {{}}
                close() {{}}
            }}""",
        ),
    )
    await page.goto("/?advised#live")
    await page.get_by_role("button", name="Start").click()
    await expect(page.get_by_label("Face in the timeline")).to_have_value("face_1")
    await page.get_by_role("button", name="Face 2 happy 90").click()
    await expect(page.get_by_label("Face in the timeline")).to_have_value("face_2")
    await expect(page.locator(".live-side .notice li")).to_have_text(
        [
            "Frame size for detection: 480 × 360",
            "Detect faces every 4 frames",
            "Reduce the frame size when falling behind: on",
        ]
    )
    await page.get_by_role("button", name="Apply").click()
    await expect(page.get_by_role("button", name="Stop", exact=True)).to_be_focused()
    await expect(page.get_by_role("alert")).to_contain_text('{"processing_resolution":[480,360],')
    await page.get_by_text("Settings", exact=True).click()
    await expect(page.get_by_label("Frame size for detection")).to_have_value("480x360")


async def test_without_the_service_live_says_that_it_cannot_be_reached(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_role("tab", name="Live").click()
    await page.route("**/socket.io.js*", lambda route: route.abort())
    await page.get_by_role("button", name="Start").click()
    await expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached")
    await page.unroute("**/socket.io.js*")
    await page.get_by_role("button", name="Start").click()
    await page.locator(".live-stage .box").wait_for()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_a_blocked_camera_is_explained(signed_in: Page) -> None:
    page = signed_in
    await page.evaluate(
        """() => { navigator.mediaDevices.getUserMedia = () =>
            Promise.reject(new DOMException("no", "NotAllowedError")); }"""
    )
    await page.get_by_role("tab", name="Live").click()
    await page.get_by_role("button", name="Start").click()
    await expect(page.get_by_role("alert")).to_contain_text("not allowed to use the camera")
    await expect(page.get_by_role("button", name="Start")).to_be_enabled()


async def test_without_the_client_live_explains_how_to_install_it(page: Page) -> None:
    async def without_client(route) -> None:
        answer = await route.fetch()
        body = (await answer.text()).replace("&quot;/web/vendor/socket.io.js&quot;", "null")
        await route.fulfill(response=answer, body=body)

    await page.route(lambda url: url.rstrip("/").count("/") == 2, without_client)
    await page.goto("/#live")
    await expect(page.locator("#live")).to_contain_text("npm ci --prefix entrypoints/web")
    await page.get_by_role("tab", name="Detect").click()
    await expect(page.locator(".drop")).to_be_visible()
