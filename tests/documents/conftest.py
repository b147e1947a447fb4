"""A service that stands where the documents say it does, in a folder with a photograph."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.browser.pictures import portrait
from tests.e2e.browser.site import Site, serving


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, js_packages: Path) -> Iterator[Site]:
    """Started by `emotion-api serve`; the folder is where its data and npm's packages lie."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "photo.jpg").write_bytes(portrait())
    (folder / "node_modules").symlink_to(js_packages)
    with serving(folder) as site:
        yield site
