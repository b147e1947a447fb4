"""`python -m training.emotions --data DIR` reproduces the shipped weights from the data."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import cv2
import torch

from . import adjust, card
from .data import Faces, load, tuning_split, usable
from .export import export
from .far import crops_of_photos
from .recipes import RECIPES, SHIPPED, TAU, TEMPERATURE, VERSION
from .restore import soup
from .train import train

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]


def main() -> None:
    """Trains every run that is not finished, exports the last and writes the model card."""
    parser = argparse.ArgumentParser(prog="python -m training.emotions", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with mosaics and labels")
    parser.add_argument("--runs", type=Path, default=_HERE / "runs", help="checkpoints and plots")
    parser.add_argument(
        "--weights", type=Path, default=_ROOT / "adapters" / "onnx" / "weights", help="output"
    )
    parser.add_argument("--docs", type=Path, default=_ROOT / "docs", help="model card")
    parser.add_argument("--only", nargs="+", choices=list(RECIPES), help="just train these runs")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    faces = splits(options.data)
    wanted = options.only or list(RECIPES)
    unlabelled = None
    if any(RECIPES[name].unlabelled for name in wanted):
        unlabelled = crops_of_photos(options.data / "photos", options.runs / "photos")
    for name in wanted:
        train(
            RECIPES[name],
            faces["fit"],
            faces["tune"],
            options.runs / name,
            options.runs,
            unlabelled,
        )
    if options.only:
        return
    network = soup(SHIPPED, options.runs)
    export(network, faces, options.weights, VERSION, {"runs": dict(SHIPPED)})
    train_split = load(options.data, "train")
    adjust.write(
        options.weights,
        adjust.some_of(train_split),
        adjust.class_prior(train_split),
        TAU,
        TEMPERATURE,
    )
    adjust.remeasure(options.weights, faces["valid"])
    card.write(options.weights, faces["valid"], options.docs)


def splits(data: Path) -> dict[str, Faces]:
    """The crops to fit, to tune and to measure on."""
    everything = load(data, "train")
    fit_index, tune_index = tuning_split(everything)
    fit = everything.take(fit_index)
    return {
        "fit": fit.take(usable(fit)),
        "tune": everything.take(tune_index),
        "valid": load(data, "valid"),
    }


if __name__ == "__main__":
    main()
