"""Renews the pictures and the sample answer of README.md.

    python -m tests.documents.renew_pictures

Run it after a change of the detector, the network or the page, on an idle machine, because times
are shown; then look at the result.
"""

import asyncio
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import FilePayload, Page, ViewportSize, async_playwright

from tests.e2e.browser.pictures import portrait
from tests.e2e.service_process import ROOT, serving

IMAGES = ROOT / "docs" / "images"
README = ROOT / "README.md"
VIEWPORT: ViewportSize = {"width": 1366, "height": 800}


async def take_screenshot(page: Page, target: Path) -> None:
    """Save the page with one photo analysed, for a user who is signed in."""
    await page.get_by_role("button", name="Sign out").wait_for()
    photo: FilePayload = {"name": "astronaut.jpg", "mimeType": "image/jpeg", "buffer": portrait()}
    await page.set_input_files("#photos", [photo])
    await page.locator(".box").wait_for()
    await page.screenshot(path=target)


async def renew_screenshot(link: str) -> None:
    """Open the page by the printed link, and save it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(viewport=VIEWPORT, reduced_motion="reduce")
        page.set_default_timeout(120_000)
        await page.goto(link)
        await take_screenshot(page, IMAGES / "page.png")
        await browser.close()


async def draw(client: httpx.AsyncClient, detection_id: str) -> None:
    """Save the photo with its face drawn by the service."""
    drawn = await client.get(f"/api/history/{detection_id}/annotated")
    (IMAGES / "astronaut.jpg").write_bytes(drawn.raise_for_status().content)


def sample(answer: dict[str, Any]) -> str:
    """The answer as the README shows it, with rounded numbers."""
    results = answer["detection_results"]
    (face,) = results["faces"]
    first = face["emotions"][0]
    emotion = {
        "emotion": first["emotion"],
        "score": round(first["score"], 4),
        "percentage": round(100 * first["score"], 2),
    }
    quality = {name: round(value, 2) for name, value in face["quality"].items()}
    return f"""{{
  "detection_id": "{answer["detection_id"][:4]}…",
  "detection_results": {{
    "face_detected": true,
    "processing_time": {results["processing_time"]:.3f},
    "faces": [
      {{
        "box": {face["box"]},
        "dominant_emotion": "{face["dominant_emotion"]}",
        "emotions": [{json.dumps(emotion)}, "…six more"],
        "detection_confidence": {face["detection_confidence"]:.2f},
        "quality": {json.dumps(quality)},
        "reliable": {json.dumps(face["reliable"])}
      }}
    ]
  }}
}}
"""


async def renew() -> None:
    """Renew both pictures and the answer."""
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder), PORT="2508") as site, site.client() as client:
            code = {"code": site.link.split("code=")[1]}
            signed_in = await client.post("/auth/sign-in-code", json=code)
            client.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
            for _ in range(2):  # the first request warms up
                files = {"file": ("astronaut.jpg", portrait())}
                answer = (await client.post("/api/detect", files=files)).json()
            await draw(client, answer["detection_id"])
    text = README.read_text(encoding="utf-8")
    block = f"```json\n{sample(answer)}```"
    README.write_text(
        re.sub(r"^```json\n.*?^```", lambda _: block, text, count=1, flags=re.M | re.S),
        encoding="utf-8",
    )
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder), PORT="2508") as site:
            await renew_screenshot(site.link)


if __name__ == "__main__":
    asyncio.run(renew())
