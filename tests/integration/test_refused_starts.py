"""A start that fails for a reason an operator can change says it in one line."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from litestar import Litestar

from adapters.in_memory import InMemoryClock
from application.errors import IdentityUnavailable, InferenceUnavailable, StoreUnavailable
from entrypoints.process.lifespan import running
from entrypoints.process.starting import WatchedStart
from tests.integration.command_line import emotion_api
from tests.integration.fakes import Fakes, container_with


def no_database(data: Path) -> None:
    (data / "emotion.sqlite3").write_bytes(b"this is no database" * 100)


def newer_database(data: Path) -> None:
    with closing(sqlite3.connect(data / "emotion.sqlite3")) as database:
        database.execute("pragma user_version = 999")


def nothing(_: Path) -> None:
    pass


MONGODB = {"REPOSITORY": "mongodb", "MONGODB_URI": "mongodb://me:hush@hush@localhost/"}
YUNET = {"FACE_DETECTOR": "yunet", "YUNET_MODEL": __file__}
WEIGHTS = {"CLASSIFIER_WEIGHTS": __file__}
NO_KEY = {"AUTH": "firebase", "FIREBASE_SERVICE_ACCOUNT_FILE": "no.json"}
WRONG_KEY = {"AUTH": "firebase", "FIREBASE_SERVICE_ACCOUNT_B64": "e30="}


@pytest.mark.parametrize(
    ("prepare", "environment", "said"),
    [
        pytest.param(no_database, {}, "emotion.sqlite3 cannot be opened: its file is", id="damage"),
        pytest.param(newer_database, {}, "made by a newer version of this service", id="newer"),
        pytest.param(nothing, MONGODB, "MONGODB_URI cannot be used", id="password"),
        pytest.param(nothing, YUNET, f"YUNET_MODEL={__file__}: ", id="detector"),
        pytest.param(
            nothing, {"CLASSIFIER_WEIGHTS": __file__}, "CLASSIFIER_WEIGHTS=", id="weights"
        ),
        pytest.param(nothing, NO_KEY, "FIREBASE_SERVICE_ACCOUNT_FILE=no.json: No", id="no key"),
        pytest.param(nothing, WRONG_KEY, "FIREBASE_SERVICE_ACCOUNT_B64: ", id="wrong key"),
    ],
)
def test_a_refused_start_says_why_in_one_line(
    tmp_path: Path, prepare: Callable[[Path], None], environment: dict[str, str], said: str
) -> None:
    (tmp_path / "data").mkdir()
    prepare(tmp_path / "data")
    ended = emotion_api("serve", "--port", "0", cwd=tmp_path, **environment)
    assert ended.returncode == 2
    (error,) = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert said in error
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "hush" not in ended.stdout + ended.stderr


async def started_with_a_broken_image_store(
    error: Exception, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Run a service whose image store and sign-in fail until both were checked."""
    container = container_with(data_dir=data_dir)
    fakes = Fakes(container.settings(), InMemoryClock())
    fakes.images.fail_with(error)
    fakes.identity.fail_with(IdentityUnavailable("no sign-in"))
    with fakes.within(container):
        async with running(container), asyncio.timeout(30):
            while "AUTH=local: no sign-in" not in caplog.messages:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_parts_that_do_not_work_at_the_start_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await started_with_a_broken_image_store(StoreUnavailable("no images"), tmp_path, caplog)
    assert "IMAGE_STORE=filesystem: no images" in caplog.messages


async def test_a_fault_in_checking_a_part_is_logged_and_the_others_are_checked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await started_with_a_broken_image_store(RuntimeError("a bug"), tmp_path, caplog)
    assert "IMAGE_STORE=filesystem could not be checked" in caplog.messages
    assert "RuntimeError: a bug" in caplog.text


class _Ended(BaseException):
    pass


async def test_the_server_learns_of_a_start_that_failed_in_any_way() -> None:
    @asynccontextmanager
    async def ends(_: Litestar) -> AsyncIterator[None]:
        raise _Ended
        yield

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    sent: list[dict[str, str]] = []

    async def send(message: dict[str, str]) -> None:
        sent.append(message)

    with pytest.raises(BaseExceptionGroup):
        await WatchedStart(Litestar(lifespan=[ends]))({"type": "lifespan"}, receive, send)
    (message,) = sent
    assert message["type"] == "lifespan.startup.failed"
    assert "_Ended" in message["message"]


async def test_a_server_that_is_no_inference_server_is_named() -> None:
    async def not_found(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(not_found, "127.0.0.1") as other:
        url = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}"
        vision = container_with(classifier="remote", remote_classifier_url=url).vision()
        with pytest.raises(InferenceUnavailable, match=r"REMOTE_CLASSIFIER_URL: .* does not speak"):
            await asyncio.to_thread(vision.crop_classifier)
