"""A real browser and a real service."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.e2e.browser.pictures import write_camera_clip
from tests.e2e.service_process import ServiceProcess, serving
from tests.e2e.stacks import mint_id_token
from tests.servers.npm import installed
from tests.servers.processes import missing

PAGE = Path(__file__).parents[3] / "entrypoints" / "web"
SECRET = "of-the-browser-tests-0123456789abcdef"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    return path or missing("Chromium", "run: apt-get install chromium")


@pytest.fixture(scope="session")
def page_packages() -> Path:
    """The npm packages of the page."""
    return installed(PAGE)


@pytest.fixture(scope="session")
async def site(
    page_packages: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServiceProcess]:
    """The service as `emotion-api serve` starts it."""
    async with serving(
        tmp_path_factory.mktemp("service"),
        SECRET_KEY=SECRET,
        GUEST_MAX_USAGE_PER_ADDRESS="1000",
    ) as site:
        yield site


@pytest.fixture(scope="session")
async def browser(
    chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Browser]:
    """Chromium with a clip as its camera, in which a face moves from left to right and back."""
    clip = tmp_path_factory.mktemp("camera") / "clip.mjpeg"
    write_camera_clip(clip)
    expect.set_options(timeout=20_000)  # a busy machine is not a bug
    camera = f"--use-file-for-fake-video-capture={clip}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, camera])
        yield browser
        await browser.close()


@asynccontextmanager
async def a_visitor(browser: Browser, site: ServiceProcess) -> AsyncIterator[BrowserContext]:
    """The browser context of a new visitor."""
    context = await browser.new_context(
        base_url=site.url, viewport={"width": 1366, "height": 850}, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    yield context
    await context.close()


@asynccontextmanager
async def a_tab(context: BrowserContext) -> AsyncIterator[Page]:
    """An empty tab; a script error or a violated policy fails at its end."""
    page = await context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on(
        "console",
        lambda said: broken.append(said.text) if "Content Security Policy" in said.text else None,
    )
    yield page
    assert not broken


def new_id_token() -> str:
    """The ID token of a new user."""
    return mint_id_token(SECRET, f"{uuid4().hex[:8]}@example.com")


async def sign_in(page: Page, id_token: str) -> None:
    """Open the page as the user of an ID token."""
    await page.goto(f"/#token={id_token}")
    await page.get_by_role("button", name="Sign out").wait_for()


@pytest.fixture
async def context(browser: Browser, site: ServiceProcess) -> AsyncIterator[BrowserContext]:
    """The browser context of a new visitor."""
    async with a_visitor(browser, site) as context:
        yield context


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """An empty tab; a script error or a violated policy fails the test."""
    async with a_tab(context) as page:
        yield page


@pytest.fixture
def id_token() -> str:
    """The ID token of a new user."""
    return new_id_token()


@pytest.fixture
async def signed_in(page: Page, id_token: str) -> Page:
    """A tab in which a new user is signed in."""
    await sign_in(page, id_token)
    return page
