"""The script that renews the pictures of the README."""

from pathlib import Path

from PIL import Image
from playwright.async_api import Page

from tests.documents.renew_pictures import VIEWPORT, take_screenshot


async def test_the_screenshot_of_the_readme_can_be_taken(signed_in: Page, tmp_path: Path) -> None:
    await signed_in.set_viewport_size(VIEWPORT)
    await take_screenshot(signed_in, tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as picture:
        assert picture.size == (VIEWPORT["width"], VIEWPORT["height"])
