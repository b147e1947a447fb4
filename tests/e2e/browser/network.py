"""The line between the page and the service."""

from playwright.async_api import Page


async def slow_down(page: Page) -> None:
    """Let the page send 10 kB a second."""
    await limit_upload(page, 10_000)


async def limit_upload(page: Page, rate: int) -> None:
    """Let the page send this many bytes a second; -1 for as many as it can."""
    network = await page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": rate}
    await network.send("Network.emulateNetworkConditions", limits)
