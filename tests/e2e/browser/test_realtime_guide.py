"""The browser example of docs/realtime.md, run in a page."""

from playwright.async_api import Page

from tests.documents.following import blocks

CONNECTED = """async (token) => {
    document.body.prepend(document.createElement("video"));
    const { io } = await import("/web/vendor/socket.io.js");
    const socket = io("/emotion-detection", { auth: { token } });
    await new Promise((resolve) => socket.on("connect", resolve));
    socket.emit("control", { action: "start" });
    const seen = new Promise((resolve) =>
        socket.on("detection_result", ({ faces }) => faces.length && resolve(faces[0])));
    %s
    return await seen;
}"""


async def test_the_browser_example_streams_its_camera_and_receives_the_face(
    page: Page, id_token: str
) -> None:
    [snippet] = [each.text for each in blocks("docs/realtime.md") if "getUserMedia" in each.text]
    await page.goto("/")
    face = await page.evaluate(CONNECTED % snippet, id_token)
    assert face["tracking_id"] == "face_1"
    assert len(face["box"]) == 4
