"""A service at the address in the documents, and a folder with `photo.jpg`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.browser.pictures import portrait
from tests.e2e.service_process import ServiceProcess, serving


@pytest.fixture(scope="module")
async def site(
    tmp_path_factory: pytest.TempPathFactory, js_packages: Path
) -> AsyncIterator[ServiceProcess]:
    """Started by `emotion-api serve`; the folder holds its data and npm's packages."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "photo.jpg").write_bytes(portrait())
    (folder / "node_modules").symlink_to(js_packages)
    async with serving(folder) as site:
        yield site
