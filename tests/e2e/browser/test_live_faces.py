"""Faces of a live session on the page: their boxes, and a line for each."""

import json
import re
from itertools import pairwise

import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.browser.answers import face
from tests.e2e.browser.live import start

# Shows two faces so far apart, in steps of 100 ms, and says which form their labels have;
# where there is no gap, a new session starts, with them far apart.
FORMS = """async ({face, gaps}) => {
    const { LiveBoxes } = await import("/web/js/live-boxes.js");
    const layer = document.createElement("div");
    layer.style.cssText = "position: relative; width: 400px; height: 300px";
    document.body.replaceChildren(layer);
    const boxes = new LiveBoxes(layer);
    let now = performance.now();
    performance.now = () => now;
    return gaps.map((gap) => {
        now += 100;
        if (gap === null) boxes.clear();
        const faces = [20, 60 + (gap ?? 200)].map((x, index) => ({
            ...face, box: [x, 100, 40, 130], tracking_id: `face_${index}`,
        }));
        boxes.show({ faces, image: { width: 400, height: 300 } }, false);
        return layer.querySelector(".label").dataset.form;
    });
}"""
NEAR, FAR = 4, 200


@pytest.mark.parametrize(
    ("gaps", "changes"),
    [
        ([FAR, *[NEAR, FAR] * 25], 1),  # A face on the edge: shorter once, and not back and forth.
        ([FAR, NEAR, *[FAR] * 45], 2),  # Where there is room again for long, the words come back.
        ([FAR, NEAR, None, FAR], 2),  # In a new session they come back at once.
    ],
)
async def test_labels_do_not_change_their_form_with_every_frame(
    signed_in: Page, gaps: list[int | None], changes: int
) -> None:
    forms = await signed_in.evaluate(FORMS, {"face": face((0, 0, 9, 9), "happy"), "gaps": gaps})
    assert forms[0] == "full"
    assert sum(one != other for one, other in pairwise(forms)) == changes


# How strongly the pixels of a canvas differ: 0 where it is empty.
CONTRAST = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const greens = data.filter((_, index) => index % 4 === 1);
    return Math.max(...greens) - Math.min(...greens);
}"""


async def test_each_face_has_a_line_with_a_picture_of_it_also_after_the_end(
    signed_in: Page,
) -> None:
    page = signed_in
    await start(page)
    line = page.get_by_role("region", name="Faces now").get_by_role("button")
    await expect(line).to_have_accessible_name(re.compile(r"Face 1 happy >?\d+\s%"))
    assert await line.locator("canvas").evaluate(CONTRAST) > 100
    await page.get_by_role("button", name="Stop", exact=True).click()
    await expect(line).to_have_count(0)
    row = page.locator(".summary").get_by_role("rowheader", name="Face 1")
    assert await row.locator("canvas").evaluate(CONTRAST) > 100


# Stands in for the Socket.IO client and a service on a slow line, which says where the mark was
# in a frame a second later.
SLOW_SERVICE = """export function io() {
    const listeners = {};
    setTimeout(() => { socket.connected = true; listeners.connect(); });
    const answer = async ({ frame_id, data, width, height }) => {
        const canvas = Object.assign(document.createElement("canvas"), { width, height });
        const pen = canvas.getContext("2d");
        pen.drawImage(await createImageBitmap(new Blob([data])), 0, 0);
        const row = pen.getImageData(0, 4, width, 1).data;
        const isMarked = (x) => row[4 * x + 1] > 200 && row[4 * x] < 90 && row[4 * x + 2] < 90;
        const marked = [...Array(width).keys()].filter(isMarked);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const seen = { ...FACE, tracking_id: "face_1", box: [marked[0], 10, marked.length, 20] };
        const image = { width, height };
        listeners.detection_result({ frame_id, image, faces: [seen], fps: 2, dropped_frames: 0 });
        const crop = document.querySelector(".live-faces canvas").getContext("2d");
        window.middles = [...window.middles ?? [], [...crop.getImageData(48, 48, 1, 1).data]];
    };
    const socket = {
        connected: false, io: { engine: {} }, disconnect() {}, onAny() {},
        on: (name, listener) => { listeners[name] = listener; },
        emit: (name, frame) => name === "video_frame" && answer(frame),
    };
    return socket;
}"""


async def test_faces_are_cut_out_of_the_frame_that_was_sent(signed_in: Page) -> None:
    page = signed_in
    body = SLOW_SERVICE.replace("FACE", json.dumps(face((0, 0, 9, 9), "happy")))
    await page.route(
        "**/socket.io.js*",
        lambda route: route.fulfill(content_type="text/javascript", body=body),
    )
    await start(page)
    await page.wait_for_timeout(4000)  # Longer than the camera's picture ever stands still.
    middles = await page.evaluate("middles")
    assert len(middles) > 4
    for red, green, blue, _ in middles:
        assert (red < 90, green > 200, blue < 90) == (True, True, True)


async def test_a_line_stays_in_its_place_while_its_face_is_lost_for_a_moment(
    signed_in: Page,
) -> None:
    shown = await signed_in.evaluate(
        """async (face) => {
            const { LiveFaces } = await import("/web/js/live-faces.js");
            const lines = new LiveFaces(() => {});
            let now = performance.now();
            performance.now = () => now;
            const steps = [["face_1", "face_10", "face_2"], ["face_10"], ["face_10"], [], []];
            return steps.map((ids, step) => {
                now += step === 2 ? 900 : 250;
                const faces = ids.map((id) => ({ ...face, box: undefined, tracking_id: id }));
                lines.show({ faces, image: { width: 4, height: 3 } }, null, false);
                return [...lines.element.querySelectorAll(".name")].map((name) => name.textContent);
            });
        }""",
        face((0, 0, 9, 9), "happy"),
    )
    all_three = ["Face 1", "Face 2", "Face 10"]
    assert shown == [all_three, all_three, ["Face 10"], ["Face 10"], ["Face 10"]]


# Stands in for the connection; the test says what the service says.
SCRIPTED = """export class LiveConnection {
    constructor(tell) { window.tell = tell; }
    async open(config) { window.asked = config; tell.state("running"); }
    get isReady() { return false; }
    configure() {}
    stop() {}
    close() {}
}"""


async def start_scripted(page: Page) -> None:
    await page.route(
        "**/js/live-connection.js",
        lambda route: route.fulfill(content_type="text/javascript", body=SCRIPTED),
    )
    await page.goto("/?scripted#live")
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator(".live-view .state")).to_have_text("Running")


@pytest.mark.parametrize("is_interrupted", [False, True])
async def test_a_summary_shows_the_faces_of_its_own_session(
    signed_in: Page, is_interrupted: bool
) -> None:
    page = signed_in
    await start_scripted(page)
    await page.evaluate(
        """({ seen, isInterrupted }) => {
            const picture = document.createElement("canvas");
            const image = { width: picture.width, height: picture.height };
            tell.result({ faces: [seen], image, fps: 9, dropped_frames: 0 }, 20, picture);
            if (isInterrupted) for (const name of ["reconnecting", "running"]) tell.state(name);
        }""",
        {
            "seen": {**face((20, 20, 80, 80), "happy"), "tracking_id": "face_1"},
            "isInterrupted": is_interrupted,
        },
    )
    await page.get_by_role("button", name="Stop", exact=True).click()
    await page.evaluate(
        """() => {
            const track = { tracking_id: "face_1", first_seen: 0, last_seen: 1 };
            const tracks = [{ ...track, timeline: [], emotions: [] }];
            tell.summary({ duration: 1, frames: { processed: 9, dropped: 0 }, tracks });
        }"""
    )
    row = page.locator(".summary").get_by_role("rowheader", name="Face 1")
    await expect(row.locator("canvas")).to_have_count(0 if is_interrupted else 1)


async def test_a_session_asks_for_faces_as_small_as_the_service_is_set_to(signed_in: Page) -> None:
    page = signed_in

    async def set_to_40(route: Route) -> None:
        answer = await route.fetch()
        body = re.sub(r"(minFaceSize&quot;: )\d+", r"\g<1>40", await answer.text())
        await route.fulfill(response=answer, body=body)

    await page.route(lambda url: url.partition("?")[0].rstrip("/").count("/") == 2, set_to_40)
    await start_scripted(page)
    assert await page.evaluate("asked.min_face_size") == 40


async def test_the_timeline_of_a_slow_session_has_no_gaps_where_a_face_stayed(
    signed_in: Page,
) -> None:
    # Two seconds between results: at those from 6 s to 8 s the face is away.
    painted = await signed_in.evaluate(
        """async (face) => {
            const { Timeline } = await import("/web/js/timeline.js");
            const timeline = new Timeline();
            document.body.prepend(timeline.element);
            let now = performance.now();
            performance.now = () => now;
            for (const isThere of [true, true, true, false, false, true, true]) {
                timeline.add(isThere ? [{ ...face, tracking_id: "face_1" }] : []);
                now += 2000;
            }
            timeline.choose("face_1");
            const canvas = timeline.element.querySelector("canvas");
            const row = canvas.getContext("2d").getImageData(0, canvas.height - 3, canvas.width, 1);
            const isPainted = (second) => {
                const x = Math.round(canvas.width * (1 - (14 - second) / 60));
                return row.data[4 * x + 3] > 0;
            };
            return [1, 3, 5, 7, 9, 11].map(isPainted);
        }""",
        face((0, 0, 9, 9), "happy"),
    )
    assert painted == [True, True, False, False, False, True]
