"""Starting the webcam on the page."""

from playwright.async_api import Page


async def start(page: Page) -> None:
    await page.get_by_role("tab", name="Live").click()
    await page.get_by_label("Mirror").uncheck()
    await page.get_by_role("button", name="Start").click()
    await page.locator(".live-stage .box").wait_for()
