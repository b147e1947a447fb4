"""`python -m training --data DIR` reproduces the shipped weights from the data."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import cv2
import torch

from .data import load, tuning_split, usable
from .recipes import RECIPES
from .train import train

RUNS = Path(__file__).parent / "runs"


def main() -> None:
    """Trains the named runs in order."""
    parser = argparse.ArgumentParser(prog="training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with mosaics and labels")
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder for checkpoints and plots")
    parser.add_argument("--only", nargs="+", choices=list(RECIPES), help="train these runs only")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    faces = load(options.data, "train")
    fit_index, tune_index = tuning_split(faces)
    fit, tune = faces.take(fit_index), faces.take(tune_index)
    fit = fit.take(usable(fit))
    for name in options.only or list(RECIPES):
        train(RECIPES[name], fit, tune, options.runs / name, options.runs)


if __name__ == "__main__":
    main()
