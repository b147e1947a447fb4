"""The traffic of a web client written for the contract, from an origin of its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from litestar import MediaType, get
from litestar.app import Litestar
from litestar.handlers import HTTPRouteHandler
from playwright.async_api import Browser

from tests.e2e.browser.conftest import SECRET
from tests.e2e.browser.pictures import FACE_X, FACE_Y, portrait
from tests.e2e.service_process import serving
from tests.servers.listening import listening

CLIENT = Path(__file__).with_name("react_client.html")
DRAWN_AS = 480 / 512  # of the portrait's size


def sends(path: str, media_type: str, content: bytes) -> HTTPRouteHandler:
    """A handler that always sends the same response."""

    @get(path, media_type=media_type)
    async def send() -> bytes:
        return content

    return send


@pytest.fixture
async def port(js_packages: Path) -> AsyncIterator[int]:
    """The port of the client's page: another origin than the service."""
    bundle = js_packages / "socket.io-client" / "dist" / "socket.io.min.js"
    files = [
        sends("/", MediaType.HTML, CLIENT.read_bytes()),
        sends("/socket.io.js", "text/javascript", bundle.read_bytes()),
        sends("/portrait.jpg", "image/jpeg", portrait()),
    ]
    async with listening(Litestar(files, openapi_config=None)) as port:
        yield port


@pytest.fixture
async def visit(browser: Browser, port: int, id_token: str, tmp_path: Path) -> dict[str, Any]:
    """The answers and events that the client got from signing in to disconnecting."""
    settings: dict[str, Any] = {"SECRET_KEY": SECRET, "CORS_ORIGINS": f"http://localhost:{port}"}
    async with serving(tmp_path, **settings) as site:
        page = await browser.new_page()
        # Another site as well, whose cookies browsers treat apart.
        await page.goto(f"http://localhost:{port}/")
        told: dict[str, Any] = await page.evaluate(
            "([service, idToken]) => visit(service, idToken)", [site.url, id_token]
        )
        await page.close()
    return told


async def test_a_client_written_for_the_contract_works_unchanged(visit: dict[str, Any]) -> None:
    assert visit["guest"] == [[2, 2, 1], [1, 1, 2]]
    assert visit["errors"] == []
    assert visit["initialized"]["config"]["detection_interval"] == 5
    assert visit["started"]["ignored"] == ["skipFrameProcessing"]
    for number, result in enumerate(visit["results"]):
        assert result["frame_id"] == number
        (face,) = result["faces"]
        assert not face["predicted"], "at three frames a second no box may be a guess"
        assert face["tracking_id"] == "face_1"
        x, y, width, height = face["box"]
        assert abs(x + width / 2 - result["x"] - FACE_X * DRAWN_AS) < 30
        assert abs(y + height / 2 - FACE_Y * DRAWN_AS) < 30
    assert visit["stopped"]["metrics"]["processed_frames"] == 7
    assert visit["summary"]["frames"] == {"received": 7, "processed": 7, "failed": 0, "dropped": 0}
    assert [track["tracking_id"] for track in visit["summary"]["tracks"]] == ["face_1"]

    assert visit["detected"]["status"] == 200
    (record,) = visit["history"]["body"]
    assert record["detection_id"] == visit["detected"]["body"]["detection_id"]
    assert visit["widths"] == [512], "an <img> of another origin cannot load what is in the history"

    assert [answer["status"] for answer in visit["refreshed"]] == [200, 200]
    assert [answer["status"] for answer in visit["again"]] == [200, 200]
    assert {profile["body"]["is_guest"] for profile in visit["profiles"]} == {False}
