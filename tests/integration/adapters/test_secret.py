"""The secret that is created at the first start."""

import multiprocessing
import stat
from pathlib import Path

from adapters.local_auth import load_or_create_secret


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret"
    secret = load_or_create_secret(path)
    assert len(secret) >= 32
    assert load_or_create_secret(path) == secret
    assert list(path.parent.iterdir()) == [path], "nothing else is left behind"


def test_two_services_have_different_secrets(tmp_path: Path) -> None:
    assert load_or_create_secret(tmp_path / "a") != load_or_create_secret(tmp_path / "b")


def test_only_the_operator_can_read_the_secret(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    load_or_create_secret(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_operators_secret_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("  my own secret, and it is long enough\n")
    assert load_or_create_secret(path) == "my own secret, and it is long enough"


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        secrets = pool.map(load_or_create_secret, [path] * 8, chunksize=1)
    assert len(set(secrets)) == 1
    assert list(path.parent.iterdir()) == [path]
