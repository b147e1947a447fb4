"""Asking axe-core about the page."""

from pathlib import Path

from playwright.async_api import Page


async def faults(page: Page, js_packages: Path) -> list[str]:
    """The violations that axe-core finds, a line per element."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate((js_packages / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    found = await page.evaluate("() => axe.run()")
    return [
        f"{fault['impact']} {fault['id']}: {node['html'][:160]} {node.get('failureSummary', '')}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]
