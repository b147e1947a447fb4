"""What is logged, and what happens when nobody reads the log."""

import asyncio
import json
import logging
import os
import subprocess
import sys
import zlib
from pathlib import Path

import skimage.data
from PIL import Image

from entrypoints.logs.writer import LogWriter
from tests.attacks.costly_images import encoded
from tests.attacks.flood import connected, frame, opened
from tests.e2e.service_process import serving

LONG = "x" * 1500
ROOT = Path(__file__).parents[2]


async def test_an_unread_log_blocks_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as service, asyncio.timeout(120):
        with service.log_unread():
            async with service.client() as client:
                for _ in range(200):  # more than a pipe holds
                    assert (await client.get(f"/{LONG}")).status_code == 404


def test_log_lines_beyond_the_buffer_are_dropped_and_counted() -> None:
    reading, writing = os.pipe()
    writer = LogWriter(writing)
    for number in range(6000):
        writer.emit(logging.makeLogRecord({"msg": f"{number} {LONG}"}))
    told = b""
    while b"log lines were dropped" not in told:
        told = told[-200:] + os.read(reading, 65536)
    writer.emit(logging.makeLogRecord({"msg": "it goes on"}))
    while b"it goes on" not in told:
        told += os.read(reading, 65536)
    writer.close()
    os.close(writing)
    os.close(reading)


async def test_neither_tokens_nor_bodies_nor_session_ids_are_logged(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, LOG_LEVEL="DEBUG", SOCKET_SIGN_IN_S="1") as service,
        asyncio.timeout(60),
    ):
        token = (await service.sign_in())["access_token"]
        seen = []
        async with service.client() as client:
            url = "/socket.io/?EIO=4&transport=polling"
            for body in (
                f"40/emotion-detection,{token}".encode() + b"\xff\xd8JFIF",
                f"40/emotion-detection,{{{token}".encode(),
                f"9{token}".encode(),
                f"45{token}-".encode(),
            ):
                sid = (await client.get(url)).text.split('"sid":"')[1].split('"')[0]
                await client.post(f"{url}&sid={sid}&token={token}", content=body)
                seen.append(sid)
            await client.get(f"/api/history?token={token}")
        path = f"/socket.io/?EIO=4&transport=websocket&token={token}".encode()
        for message in (frame(0x81, f"45{token}-".encode()), frame(0x81, b"\xff" + token.encode())):
            async with connected(service.port) as wire:
                await opened(wire, path)
                opening = (await wire.read_until(b"}")).decode(errors="replace")
                seen.append(opening.split('"sid":"')[1].split('"')[0])
                await wire.send(message)
                await wire.read_all()
    # Shutting down has written all lines.
    assert "/api/history" in service.log
    assert token not in service.log
    assert "JFIF" not in service.log
    assert not [sid for sid in seen if sid in service.log]
    assert max(map(len, service.log.splitlines())) < 20_000


def odd_images() -> list[bytes]:
    """Damaged and rare images for which libraries write to standard error."""
    photo = Image.fromarray(skimage.data.astronaut()).resize((160, 160))
    jpeg, png = encoded(photo, "JPEG", subsampling=2), bytearray(encoded(photo, "PNG"))
    size = jpeg.index(b"\xff\xc0")
    three_to_one = jpeg[: size + 11] + b"\x31" + jpeg[size + 12 :]
    start = png.index(b"IDAT")
    inflated = bytearray(zlib.decompress(png[start + 4 : png.index(b"IEND") - 8]))
    inflated[0] = 77  # no such filter
    deflated = zlib.compress(inflated)
    png[start - 4 :] = len(deflated).to_bytes(4) + b"IDAT" + deflated + bytes(16)
    cmyk = encoded(photo.convert("CMYK"), "JPEG")
    tiff = encoded(photo, "TIFF", compression="tiff_lzw")
    images = [jpeg, bytes(png), three_to_one, cmyk, tiff, encoded(photo, "GIF")]
    return [
        image[: len(image) // 2 + at] + filling + image[len(image) // 2 + at + 1 :]
        for image in images
        for at, filling in ((0, b"\xff"), (9, b"\0"), (20, b"\xff\xd9"), (1, b""))
    ]


async def test_library_output_on_standard_error_does_not_reach_the_log(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as service, await service.user() as user:
        images = odd_images()
        answers = [
            await user.post("/api/detect", files={"file": ("odd", image)}) for image in images
        ]
        assert {answer.status_code for answer in answers} == {200, 400}
    assert all(json.loads(line)["event"] for line in service.log.splitlines())


def test_control_characters_from_clients_are_escaped_on_a_terminal() -> None:
    program = """
import logging, structlog
from entrypoints.logs.configuration import configure_logs
configure_logs("INFO", "console")
structlog.get_logger("entrypoints").info("request", path="/\\x1b[2J\\x9b31m\\u2028x")
logging.getLogger("application").warning("bad name: %s", "a\\r\\nall is well\\x1b[2J")
try:
    raise ValueError("\\x1b[2J")
except ValueError:
    logging.getLogger("application").exception("failed")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = done.stderr.split("\n")
    assert "\x1b[2J" not in done.stderr
    assert "\x9b" not in done.stderr
    assert "/\\x1b[2J\\x9b31m\\u2028x" in lines[0]
    assert "bad name: a\\r\\nall is well\\x1b[2J" in lines[1]
    assert len(lines) > 4  # a traceback keeps its lines


def test_uncaught_exceptions_are_logged() -> None:
    program = """
import threading
from entrypoints.logs.configuration import configure_logs, log_stray_exceptions
configure_logs("INFO", "json")
log_stray_exceptions()
class Ending:
    def __del__(self):
        raise ValueError("in a finaliser")
def work():
    raise ValueError("in a thread")
thread = threading.Thread(target=work)
thread.start()
thread.join()
Ending()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["exception"].splitlines()[-1] for line in lines] == [
        "ValueError: in a thread",
        "ValueError: in a finaliser",
    ]
