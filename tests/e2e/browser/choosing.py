"""Choosing files on the page."""

from playwright.async_api import FilePayload, Page


def file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


async def choose(page: Page, *files: FilePayload) -> None:
    await page.set_input_files("#photos", list(files))
