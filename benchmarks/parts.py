"""The cost of a frame and of an upload, compared with the sum of their parts.

    python -m benchmarks.parts --sessions 8 --rate 10 --clients 8 --seconds 15

measures each part alone, in processor time of the one thread that runs it, while the other cores
do the same: cores share caches, and often more. Socket.IO's part is what a server that only answers
takes for a frame (``benchmarks/echo.py``). Then it starts the service as its own process,
plays to it and uploads to it, and divides the processor time it took by the results it gave. The
ratio of the two is the result: it shows what the service adds to the unavoidable, and depends
little on the speed and load of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np

from adapters.filesystem import FileSystemDetectionSpool, FileSystemImageStore
from adapters.inference.crops import cut_crop
from adapters.inference.executor import WorkExecutor
from adapters.inference.quality import measure_quality
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.onnx.face_detector import OnnxFaceDetector
from adapters.opencv.encoded import DecodingLimits
from adapters.opencv.reading import read_header, read_image
from adapters.sqlite import SqliteDatabase, SqliteDetectionRepository
from adapters.tracking import KalmanFaceTracker
from application.ports.detection_spool import SpooledDetection
from application.ports.face_detector import WantedFaces
from application.ports.image_store import StoredImage
from benchmarks.clip import moving_face
from benchmarks.realtime import Target, other_server, own_service, play
from benchmarks.uploads import encoded_image
from domain.detection import Detection
from domain.formats import JPEG
from domain.image import Image
from domain.session_config import SessionConfig
from tests.decoding_limits import USUAL_LIMITS


def thread_ms(part: Callable[[], object], *, times: int = 60) -> float:
    """Processor time of one call, in milliseconds: the median of many."""
    part()
    taken = []
    for _ in range(times):
        started = time.thread_time()
        part()
        taken.append(time.thread_time() - started)
    return float(np.median(taken)) * 1000


def on_every_core(
    parts: Callable[[Sequence[bytes]], dict[str, float]], data: Sequence[bytes]
) -> dict[str, float]:
    """Measure parts in as many processes as there are cores, and take the means."""
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores) as pool:
        measured = list(pool.map(parts, [data] * cores))
    return {name: float(np.mean([each[name] for each in measured])) for name in measured[0]}


def process_ms(pid: int) -> float:
    """Processor time that a process and its children have taken so far, in milliseconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def image_of(data: bytes, limits: DecodingLimits) -> Image:
    """Decode a JPEG as the service does."""
    header = read_header(data, JPEG, thorough=False)
    assert header is not None
    return read_image(data, header, limits)


def parts_of_a_frame(clip: Sequence[bytes]) -> dict[str, float]:
    """Milliseconds of each part of a frame with one face, under the default configuration."""
    config, limits = SessionConfig(), USUAL_LIMITS
    executor = WorkExecutor(1)
    detector, classifier = OnnxFaceDetector(executor=executor), OnnxCropClassifier()
    executor.close()
    image = image_of(clip[0], limits)
    wanted = WantedFaces(
        config.min_face_size, config.detection_confidence, config.processing_resolution
    )

    found = detector.detect_now(image, wanted)
    every = config.detection_interval
    tracker, now_s = KalmanFaceTracker(), iter(range(10**6))
    crop = cut_crop(image, found[0], classifier.crop_spec, detector.framing)
    return {
        "decode": thread_ms(lambda: image_of(clip[0], limits)),
        f"search for faces, one frame of {every}": thread_ms(
            lambda: detector.detect_now(image, wanted)
        )
        / every,
        "follow a face in the others": thread_ms(lambda: detector.follow_now(image, found))
        * (1 - 1 / every),
        "track": thread_ms(lambda: tracker.update(found, next(now_s) / 10)),
        "cut and measure the crop": thread_ms(
            lambda: measure_quality(
                cut_crop(image, found[0], classifier.crop_spec, detector.framing), found[0]
            )
        ),
        "classify": thread_ms(lambda: classifier.predict(crop[np.newaxis])),
    }


def parts_of_an_upload(photos: Sequence[bytes]) -> dict[str, float]:
    """Milliseconds of each part of an upload."""
    (data,) = photos
    limits = USUAL_LIMITS
    executor = WorkExecutor(1)
    detector, classifier = OnnxFaceDetector(executor=executor), OnnxCropClassifier()
    executor.close()
    image = image_of(data, limits)
    found = detector.detect_now(image, WantedFaces(64))

    def read() -> object:
        crops = [cut_crop(image, face, classifier.crop_spec, detector.framing) for face in found]
        for crop, face in zip(crops, found, strict=True):
            measure_quality(crop, face)
        return classifier.predict(np.stack(crops))

    return {
        "decode": thread_ms(lambda: image_of(data, limits), times=30),
        "detect": thread_ms(lambda: detector.detect_now(image, WantedFaces(64)), times=30),
        f"cut and classify {len(found)} face(s)": thread_ms(read, times=30) if found else 0.0,
        "store record and image": asyncio.run(_storing_ms(data)),
    }


async def _storing_ms(data: bytes, times: int = 50) -> float:
    """Processor time of spooling, recording and storing one detection, threads included."""
    with tempfile.TemporaryDirectory() as folder:
        database = SqliteDatabase(Path(folder) / "emotions.db")
        spool = FileSystemDetectionSpool(folder=Path(folder) / "spool", max_bytes=10**9)
        images = FileSystemImageStore(folder=Path(folder) / "images", url_prefix="/api/images")
        repository = SqliteDetectionRepository(database)
        await database.open()
        kept = StoredImage(data, "image/jpeg")
        started = time.process_time()
        for _ in range(times):
            detection = Detection(
                detection_id=uuid4(), user_id="user", timestamp=datetime.now(UTC),
                filename="photo.jpg", faces=(), processing_time_s=0.01,
                image_width=640, image_height=480,
            )  # fmt: skip
            await spool.put(SpooledDetection(detection, kept))
            await repository.add(detection)
            url = await images.put("user", detection.detection_id, kept)
            await repository.update_storage(detection.stored_at(url))
            await spool.remove(detection.detection_id)
        taken = time.process_time() - started
        await database.close()
    return 1000 * taken / times


async def spent(target: Target, work: Callable[[], Awaitable[int]]) -> tuple[float, float]:
    """Results a second, and milliseconds of the service's processor time for each."""
    assert target.pid is not None
    started, before = time.perf_counter(), process_ms(target.pid)
    results = await work()
    taken_s = time.perf_counter() - started
    return results / taken_s, (process_ms(target.pid) - before) / max(results, 1)


async def measure(options: argparse.Namespace) -> None:
    """Print both tables."""
    clip = moving_face()
    photo = encoded_image(options.photo, options.megapixels)
    async with own_service({}) as target:
        frame_rate, frame_ms = await _spent_on_frames(target, clip, options)
        upload_rate, upload_ms = await spent(
            target, lambda: _upload(target, photo, options.clients, options.seconds)
        )
    async with other_server("benchmarks.echo") as target:
        _, echo_ms = await _spent_on_frames(target, clip, options)
    title = f"A frame, {options.sessions} sessions of {options.rate:g} a second"
    parts = await asyncio.to_thread(on_every_core, parts_of_a_frame, clip)
    parts = {"receive and send by Socket.IO": echo_ms, **parts}
    print(table(title, parts, frame_rate, frame_ms))
    title = f"An upload of {options.megapixels:g} megapixels, {options.clients} clients"
    parts = await asyncio.to_thread(on_every_core, parts_of_an_upload, [photo])
    print(table(title, parts, upload_rate, upload_ms))


async def _spent_on_frames(
    target: Target, clip: Sequence[bytes], options: argparse.Namespace
) -> tuple[float, float]:
    async def frames() -> int:
        measured, _ = await play(
            target, clip, sessions=options.sessions, rates=[options.rate],
            seconds=options.seconds, config={}, watched=False,
        )  # fmt: skip
        return sum(len(one.latencies_s) for one in measured)

    await play(target, clip, sessions=1, rates=[5], seconds=2, config={}, watched=False)  # warm up
    return await spent(target, frames)


async def _upload(target: Target, photo: bytes, clients: int, seconds: float) -> int:
    done, ends_at = 0, time.perf_counter() + seconds
    headers = {"Authorization": f"Bearer {target.token}"}

    async def send(http: httpx.AsyncClient) -> None:
        nonlocal done
        while time.perf_counter() < ends_at:
            answer = await http.post("/api/detect", files={"file": ("photo.jpg", photo)})
            done += answer.is_success

    async with httpx.AsyncClient(base_url=target.url, headers=headers, timeout=120) as http:
        await asyncio.gather(*(send(http) for _ in range(clients)))
    return done


def table(title: str, parts: dict[str, float], rate: float, spent_ms: float) -> str:
    """The parts, their sum, and what the service spends."""
    total = sum(parts.values())
    rows = [f"| {name} | {ms:.2f} |" for name, ms in parts.items()]
    return "\n".join(
        [
            f"\n**{title}** ({rate:.0f} a second)\n",
            "| part | ms of a processor |\n| --- | ---: |",
            *rows,
            f"| sum | {total:.2f} |",
            f"| the service | {spent_ms:.2f} |",
            f"| ratio | {spent_ms / total:.2f} |",
        ]
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("photo", nargs="?", type=Path)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--megapixels", type=float, default=0.3)
    parser.add_argument("--seconds", type=float, default=15)
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
