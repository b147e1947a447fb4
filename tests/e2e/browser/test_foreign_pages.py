"""Pages of other origins that show stored images."""

import asyncio
import io
from collections.abc import AsyncIterator

import httpx
import pillow_heif
import pytest
from litestar import MediaType, Response, get
from litestar.app import Litestar
from litestar.params import FromQuery
from PIL import Image
from playwright.async_api import Page, expect

from tests.e2e.browser.pictures import portrait
from tests.e2e.service_process import ServiceProcess
from tests.servers.listening import listening


@get("/", media_type=MediaType.HTML)
async def strict_page(image: FromQuery[str]) -> Response[str]:
    """A page that embeds only resources that allow it."""
    return Response(
        f'<!doctype html><title>Elsewhere</title><img alt="of the service" src="{image}">',
        media_type=MediaType.HTML,
        headers={"Cross-Origin-Embedder-Policy": "require-corp"},
    )


@pytest.fixture
async def elsewhere() -> AsyncIterator[str]:
    """The address of that page, on another host and port than the service."""
    async with listening(Litestar([strict_page], openapi_config=None)) as port:
        yield f"http://localhost:{port}/"


def as_heic(image: bytes) -> bytes:
    """The same picture as HEIC, which Chromium cannot show."""
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.open(io.BytesIO(image))).save(file, quality=90)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["jpeg", "heic"])
async def test_a_page_of_another_origin_shows_the_images_of_its_user(
    page: Page, site: ServiceProcess, id_token: str, elsewhere: str, kind: str
) -> None:
    sent = as_heic(portrait()) if kind == "heic" else portrait()
    headers = {"Authorization": f"Bearer {id_token}"}
    async with httpx.AsyncClient(base_url=site.url, headers=headers, trust_env=False) as client:
        await client.post("/api/detect", files={"file": (f"me.{kind}", sent)})
        async with asyncio.timeout(60):
            while True:
                record, *_ = (await client.get("/api/history")).json()
                if record["image_url"]:
                    break
    await page.goto(str(httpx.URL(elsewhere, params={"image": record["image_url"]})))
    image = page.get_by_alt_text("of the service")
    await expect(image).to_be_visible()
    width = await image.evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width == 512
