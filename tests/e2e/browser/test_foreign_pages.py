"""Pages of other origins that show what the service keeps."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import MediaType, Response, get
from litestar.app import Litestar
from litestar.params import FromQuery
from playwright.async_api import Page, expect

from tests.e2e.browser.pictures import portrait
from tests.e2e.browser.site import Site
from tests.servers.listening import listening


@get("/", media_type=MediaType.HTML)
async def strict_page(image: FromQuery[str]) -> Response[str]:
    """A page that takes nothing from elsewhere that does not allow it."""
    return Response(
        f'<!doctype html><title>Elsewhere</title><img alt="of the service" src="{image}">',
        media_type=MediaType.HTML,
        headers={"Cross-Origin-Embedder-Policy": "require-corp"},
    )


@pytest.fixture
async def elsewhere() -> AsyncIterator[str]:
    """The address of that page; another host than the service's, and another port."""
    async with listening(Litestar([strict_page], openapi_config=None)) as port:
        yield f"http://localhost:{port}/"


async def test_a_page_of_another_origin_shows_the_photographs_of_its_user(
    page: Page, site: Site, id_token: str, elsewhere: str
) -> None:
    headers = {"Authorization": f"Bearer {id_token}"}
    async with httpx.AsyncClient(base_url=site.url, headers=headers, trust_env=False) as client:
        await client.post("/api/detect", files={"file": ("me.jpg", portrait())})
        async with asyncio.timeout(60):
            while True:
                [record] = (await client.get("/api/history")).json()
                if record["image_url"]:
                    break
    await page.goto(str(httpx.URL(elsewhere, params={"image": record["image_url"]})))
    image = page.get_by_alt_text("of the service")
    await expect(image).to_be_visible()
    width = await image.evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width == 512
