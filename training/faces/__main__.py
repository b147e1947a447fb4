"""`python -m training.faces --data DIR --teacher FILE` makes the bundled face detector."""

from __future__ import annotations

import argparse
import logging
import shutil
from hashlib import sha256
from pathlib import Path

import cv2
import torch

from . import card, refiner
from .data import load
from .doubtful import CONFIDENCES, gather
from .export import export, export_detector, shipped_finder
from .run import Recipe
from .train import train

VERSION = "1.3.0"
_DOUBTFUL = {"fit": 320_000, "tune": 14_000}
_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent


def main() -> None:
    """Trains, or continues an interrupted run; exports; and writes the model card."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    splits = {
        name: load(options.data, name, options.runs / "pixels") for name in ("fit", "tune", "valid")
    }
    run = options.runs / "shipped"
    detector = train(
        Recipe(minutes=options.minutes, batch=options.batch),
        splits["fit"],
        splits["tune"],
        options.teacher,
        run,
        options.device,
    )
    # The shipped files stay as they are until both networks are made.
    made = options.runs / "export"
    exported = export_detector(detector, splits["tune"], made, VERSION)
    taught = options.runs / f"refiner-of-{sha256(exported.read_bytes()).hexdigest()[:12]}"
    doubtful = {
        name: gather(
            splits[name],
            shipped_finder(exported, CONFIDENCES[0]),
            options.teacher,
            many=many,
            seed=Recipe.seed,
            cache=taught / name,
            device=options.device,
        )
        for name, many in _DOUBTFUL.items()
    }
    network = refiner.train(
        doubtful["fit"],
        doubtful["tune"],
        options.refiner_start or run / "checkpoint.pt",
        taught,
        options.device,
    )
    export(network, splits["tune"], splits["valid"], made, VERSION)
    for file in made.iterdir():
        shutil.copy(file, options.weights)
    card.write(options.weights, splits["valid"], options.docs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.faces", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with images and labels")
    parser.add_argument("--teacher", type=Path, required=True, help="YuNet's ONNX file")
    parser.add_argument("--runs", type=Path, default=_HERE / "runs", help="checkpoints and plots")
    parser.add_argument(
        "--weights", type=Path, default=_ROOT / "adapters" / "onnx" / "weights", help="output"
    )
    parser.add_argument("--docs", type=Path, default=_ROOT / "docs", help="model card")
    parser.add_argument("--threads", type=int, default=1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", type=torch.device, default=device)
    parser.add_argument("--minutes", type=float, help="end after so long, not after some steps")
    parser.add_argument("--batch", type=int, default=Recipe.batch, help="views a step")
    parser.add_argument(
        "--refiner-start",
        type=Path,
        help="checkpoint of the detector whose layers the refiner begins with; by default the "
        "one that is trained here",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
