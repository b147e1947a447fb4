"""A data folder is used by one process at a time."""

from pathlib import Path

import pytest

from adapters.filesystem import folder_lock
from application.errors import StoreUnavailable
from entrypoints.container import Container
from entrypoints.process.lifespan import running
from entrypoints.settings import load_settings


def test_a_folder_is_locked_while_another_process_uses_it(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "spool"
    refused = pytest.raises(StoreUnavailable, match="DATA_DIR of its own")
    with folder_lock(folder), refused, folder_lock(folder):
        pytest.fail("two at once")
    with folder_lock(folder):
        pass


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(StoreUnavailable, match="cannot be written"), folder_lock(tmp_path / "data"):
        pytest.fail("there is no folder")


async def test_a_second_service_on_the_same_data_does_not_start(tmp_path: Path) -> None:
    settings = load_settings(env_file=None, data_dir=tmp_path)
    async with running(Container(settings=settings)):
        with pytest.raises(StoreUnavailable, match="another process"):
            async with running(Container(settings=settings)):
                pytest.fail("both would carry what waits")
