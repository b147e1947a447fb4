"""A start that fails for a reason an operator can change says it in one line."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.command_line import emotion_api


def no_database(data: Path) -> None:
    (data / "emotion.sqlite3").write_bytes(b"this is no database" * 100)


def newer_database(data: Path) -> None:
    with closing(sqlite3.connect(data / "emotion.sqlite3")) as database:
        database.execute("pragma user_version = 999")


def nothing(_: Path) -> None:
    pass


MONGODB = {"REPOSITORY": "mongodb", "MONGODB_URI": "mongodb://me:hush@hush@localhost/"}


@pytest.mark.parametrize(
    ("prepare", "environment", "said"),
    [
        pytest.param(no_database, {}, "emotion.sqlite3 cannot be opened: its file is", id="damage"),
        pytest.param(newer_database, {}, "made by a newer version of this service", id="newer"),
        pytest.param(nothing, MONGODB, "MONGODB_URI cannot be used", id="password"),
    ],
)
def test_a_refused_start_says_why_in_one_line(
    tmp_path: Path, prepare: Callable[[Path], None], environment: dict[str, str], said: str
) -> None:
    (tmp_path / "data").mkdir()
    prepare(tmp_path / "data")
    ended = emotion_api("serve", "--port", "0", cwd=tmp_path, **environment)
    assert ended.returncode == 2
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert said in last
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "hush" not in ended.stdout + ended.stderr
