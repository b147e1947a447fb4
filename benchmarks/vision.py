"""How long the stages of a detection take, and which faces each detector finds.

    python -m benchmarks.vision PHOTO… [--yunet MODEL] [--min-size 64] [--repeat 5]

Each stage runs alone on one thread; the fastest of the repetitions counts, in milliseconds of that
thread's processor time, so that a busy machine disturbs little.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from adapters.inference.crops import cut_crop
from adapters.inference.executor import WorkExecutor
from adapters.inference.quality import measure_quality
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.onnx.face_detector import OnnxFaceDetector
from adapters.opencv.decoder import OpenCvImageDecoder
from adapters.opencv.decoding_process import DecodingProcess
from adapters.opencv.haar import HaarFaceDetector
from adapters.opencv.yunet import YuNetFaceDetector
from application.ports.face_detector import FaceDetector, WantedFaces
from application.work.memory_budget import MemoryBudget
from entrypoints.settings import load_settings
from tests.decoding_limits import USUAL_LIMITS

STREAM = (640, 480)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--yunet", type=Path, help="the YuNet model file, to compare with")
    parser.add_argument("--min-size", type=int, default=64, help="smallest wanted face in pixels")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    executor = WorkExecutor(1)
    asyncio.run(measure(arguments, executor))
    executor.close()


async def measure(arguments: argparse.Namespace, executor: WorkExecutor) -> None:
    decoder = OpenCvImageDecoder(
        executor=executor,
        process=DecodingProcess(),
        budget=MemoryBudget(200_000_000),
        limits=USUAL_LIMITS,
    )
    detectors: list[FaceDetector] = [
        OnnxFaceDetector(executor=executor),
        HaarFaceDetector(executor=executor),
    ]
    if arguments.yunet is not None:
        least = load_settings().vision.yunet_min_confidence
        detectors.append(
            YuNetFaceDetector(executor=executor, model=arguments.yunet, min_confidence=least)
        )
    table = Table("image", "pixels", "decode ms", title="Decoding and finding faces")
    for detector in detectors:
        table.add_column(f"{detector.name} faces", justify="right")
        table.add_column("still ms", justify="right")
        table.add_column("stream ms", justify="right")

    shown = None
    for photo in arguments.photos:
        data = photo.read_bytes()
        image, decode_ms = await fastest(arguments.repeat, executor, decoder.decode, data)
        row = [photo.name, f"{image.width} x {image.height}", f"{decode_ms:.1f}"]
        for detector in detectors:
            every = WantedFaces(arguments.min_size)
            as_in_stream = WantedFaces(arguments.min_size, fit_within=STREAM)
            faces, still_ms = await fastest(
                arguments.repeat, executor, detector.detect, image, every
            )
            _, stream_ms = await fastest(
                arguments.repeat, executor, detector.detect, image, as_in_stream
            )
            row += [str(len(faces)), f"{still_ms:.1f}", f"{stream_ms:.1f}"]
            if faces:
                shown = image, faces[0]
        table.add_row(*row)
    console = Console(width=max(Console().width, 120))
    console.print(table)
    if shown is None:
        return

    image, face = shown
    model = OnnxCropClassifier()
    crop = cut_crop(image, face, model.crop_spec)
    stages: dict[str, tuple[Callable[[], object], int]] = {
        "crop and quality": (
            lambda: measure_quality(cut_crop(image, face, model.crop_spec), face),
            1,
        ),
        "classify, alone": (lambda: model.predict(crop[None]), 1),
        "classify, batch of 16": (lambda: model.predict(np.stack([crop] * 16)), 16),
    }
    per_face = Table("stage", "ms a face", title=f"Reading a face with {model.card.name}")
    for name, (stage, faces_at_once) in stages.items():
        _, ms = await fastest(5 * arguments.repeat, executor, executor.run, stage)
        per_face.add_row(name, f"{ms / faces_at_once:.3f}")
    console.print(per_face)


async def fastest(
    repeat: int,
    executor: WorkExecutor,
    function: Callable[..., Any],
    *arguments: object,
    **options: object,
) -> tuple[Any, float]:
    """The result, and the least processor time of the executor's only thread in milliseconds."""
    times = []
    for _ in range(repeat + 1):
        before_s = await executor.run(time.thread_time)
        result = await function(*arguments, **options)
        times.append(await executor.run(time.thread_time) - before_s)
    return result, 1000 * min(times)


if __name__ == "__main__":
    main()
