"""A service at the address in the documents, and a folder with `photo.jpg`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.browser.pictures import portrait
from tests.e2e.browser.site import Site, serving


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, js_packages: Path) -> Iterator[Site]:
    """Started by `emotion-api serve`; the folder holds its data and npm's packages."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "photo.jpg").write_bytes(portrait())
    (folder / "node_modules").symlink_to(js_packages)
    with serving(folder) as site:
        yield site
