"""The speed of analysing recorded video, compared with decoding alone and with common loops.

    python -m benchmarks.video [--seconds 60] [--threads 2] [--clip FILE]

Without ``--clip`` a clip is made: 720p, H.264, 30 frames a second, one face that moves. Each way
looks at five frames of each second:

- the service's own path, all of it;
- its reader alone, which sets the limit;
- a loop as with the video class of ``fer``: OpenCV decodes every frame, and those that are wanted
  are looked at one after the other;
- a loop as people write around DeepFace: a seek to each wanted frame, which is looked at then.

The last two use this project's networks in place of theirs, so they show what the way of going
through a video costs, and not how good or slow their networks are. Processor time is told beside
the time on the clock: on a machine with that many free processors the first, shared among them, is
what counts. Memory is the peak of the process over the service's own path together with that of the
process that reads the file.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import tempfile
import time
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from skimage import data

from adapters.av.video_reader import AvVideoReader
from adapters.inference.batching import BatchingEmotionClassifier
from adapters.inference.executor import WorkExecutor
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.onnx.face_detector import OnnxFaceDetector
from adapters.prometheus.telemetry import PrometheusTelemetry
from adapters.tracking import KalmanFaceTracker
from application.faces import FaceReader
from application.ports.face_detector import WantedFaces
from application.ports.video_reader import VideoFacts
from application.use_cases.analyse_video import AnalyseVideo
from domain.image import Image
from domain.video import AnalysedFrame, Sampling, UnreadablePart
from tests.attacks.memory import PeakMemory

EVERY_S = 0.2
_ALL = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of the clip that is made")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clip", type=Path, help="a video of one's own")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = arguments.clip or write_clip(Path(folder) / "clip.mp4", arguments.seconds)
        # In a new process, so that the memory that making the clip took does not count.
        measuring = get_context("spawn").Process(target=run, args=(clip, arguments.threads))
        measuring.start()
        measuring.join()


def run(clip: Path, threads: int) -> None:
    """Measure all ways, and print the table."""
    asyncio.run(measure(clip, threads))


class Silent:
    """A listener that keeps only the last time."""

    time_s = 0.0
    frames = 0

    async def opened(self, facts: VideoFacts) -> None:
        """Ignored."""

    async def analysed(self, frame: AnalysedFrame) -> None:
        """Keep the time of the frame."""
        self.time_s, self.frames = frame.time_s, frame.number + 1

    async def unreadable(self, part: UnreadablePart) -> None:
        """Ignored."""


async def measure(clip: Path, threads: int) -> None:
    executor = WorkExecutor(threads)
    reader = AvVideoReader(executor=executor)
    detector = OnnxFaceDetector(executor=executor)
    classifier = BatchingEmotionClassifier(
        model=OnnxCropClassifier(),
        executor=executor,
        framing=detector.framing,
    )
    use_case = AnalyseVideo(
        video_reader=reader,
        face_reader=FaceReader(
            detector=detector, classifier=classifier, telemetry=PrometheusTelemetry()
        ),
        new_tracker=KalmanFaceTracker,
        min_face_size_px=64,
        frames_at_once=threads + 1,
    )
    table = Table(
        "way", "frames", "clock, s", "processor, s", "times the clip's pace", "peak MB", box=None
    )
    silent = Silent()
    # The kernel's figure for a child that has ended may be that of its parent.
    async with PeakMemory(os.getpid()) as memory:
        with Timed(table, "this service", threads) as timed:
            await use_case.execute(clip, Sampling(EVERY_S), silent)
            timed.done(silent.frames, silent.time_s, peak_mb=memory.peak_mb)
    with Timed(table, "its reader alone", threads) as timed:
        async with reader.open(clip) as video:
            frames = [None async for _ in video.frames(every_s=EVERY_S)]
        timed.done(len(frames), silent.time_s)

    async def look_at(picture: NDArray[np.uint8]) -> None:
        pixels = np.ascontiguousarray(picture[..., ::-1])
        image = Image(pixels, pixels.shape[1], pixels.shape[0], "video")
        await classifier.classify(image, await detector.detect(image, WantedFaces(64)))

    capture = cv2.VideoCapture(str(clip))
    step, number = round(capture.get(cv2.CAP_PROP_FPS) * EVERY_S), 0
    with Timed(table, "every frame decoded, one by one", 1) as timed:
        while (read := capture.read())[0]:
            if number % step == 0:
                await look_at(np.asarray(read[1], np.uint8))
            number += 1
        timed.done(-(-number // step), silent.time_s)
    with Timed(table, "a seek to each wanted frame", 1) as timed:
        for wanted in range(0, number, step):
            capture.set(cv2.CAP_PROP_POS_FRAMES, wanted)
            await look_at(np.asarray(capture.read()[1], np.uint8))
        timed.done(-(-number // step), silent.time_s)
    Console(width=110).print(table)
    executor.close()


class Timed:
    """Times a block, and adds a row to the table.

    Args:
        table: gets the row.
        way: the name of the row.
        processors: that it can use at once.
    """

    def __init__(self, table: Table, way: str, processors: int) -> None:
        self._table = table
        self._way = way
        self._processors = processors

    def __enter__(self) -> Self:
        """Begin."""
        self._began_s, self._began_cpu_s = time.perf_counter(), _processor_s()
        return self

    def __exit__(self, *_: object) -> None:
        """The row is there already."""

    def done(self, frames: int, clip_s: float, *, peak_mb: float | None = None) -> None:
        """Add the row."""
        clock_s = time.perf_counter() - self._began_s
        cpu_s = _processor_s() - self._began_cpu_s
        pace = clip_s / (cpu_s / self._processors)
        self._table.add_row(
            self._way,
            str(frames),
            f"{clock_s:.1f}",
            f"{cpu_s:.1f}",
            f"{pace:.1f}",
            "" if peak_mb is None else f"{peak_mb:.0f}",
        )


def _processor_s() -> float:
    """Processor time of this process and of those it started that have ended."""
    usages = [resource.getrusage(who) for who in _ALL]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def write_clip(path: Path, seconds: int) -> Path:
    """A face that moves through a plain room with noise; 720p at 30 frames a second."""
    face = data.astronaut()[0:260, 90:350]
    noise = np.random.default_rng(1)
    grains = [noise.integers(0, 9, (720, 1280, 3), dtype=np.uint8) for _ in range(8)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number in range(seconds * 30):
            picture = np.full((720, 1280, 3), 110, np.uint8) + grains[number % 8]
            x = round(510 + 500 * np.sin(number / 60))
            y = round(230 + 200 * np.sin(number / 37))
            picture[y : y + 260, x : x + 260] = face
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


if __name__ == "__main__":
    main()
