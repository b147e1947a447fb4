"""Metrics of the classifier: accuracy, recall, calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.inference import metrics
from adapters.inference.model import softmax

from .data import EMOTIONS

Array = npt.NDArray[Any]


def confusion(logits: Array, labels: Array) -> Array:
    """Counts int64 (7, 7): rows are true labels, columns predictions; labels of -1 are left out."""
    kept = labels >= 0
    counts = np.zeros((len(EMOTIONS), len(EMOTIONS)), np.int64)
    np.add.at(counts, (labels[kept], logits[kept].argmax(axis=1)), 1)
    return counts


def recalls(counts: Array) -> Array:
    """Recall of each class, float64 (7,); NaN for a class without examples."""
    total = counts.sum(axis=1)
    result: Array = np.where(total > 0, counts.diagonal() / np.maximum(total, 1), np.nan)
    return result


def reliability(probabilities: Array, labels: Array, bins: int = metrics.BINS) -> Array:
    """Reliability table float64 (bins, 3): share of crops, mean top score, accuracy.

    Equal-width bins of the top score (Guo et al. 2017, "On calibration of modern neural networks").
    """
    kept = labels >= 0
    top = probabilities[kept].max(axis=1)
    right = probabilities[kept].argmax(axis=1) == labels[kept]
    assigned = metrics.bins_of(top, bins)
    table = np.zeros((bins, 3))
    for number in range(bins):
        here = assigned == number
        if here.any():
            table[number] = here.mean(), top[here].mean(), right[here].mean()
    return table


def calibration_error(probabilities: Array, labels: Array) -> float:
    """Expected calibration error in 0..1, as the service defines it; labels of -1 are left out."""
    kept = labels >= 0
    return metrics.calibration_error(probabilities[kept], labels[kept])


def fit_temperature(logits: Array, labels: Array) -> float:
    """Temperature in 0.3..4 with the least negative log likelihood of the majority labels."""
    kept = labels >= 0
    logits, labels = logits[kept], labels[kept]
    rows = np.arange(len(labels))
    tried = np.exp(np.linspace(np.log(0.3), np.log(4), 400))
    losses = [-np.log(softmax(logits / t)[rows, labels] + 1e-12).mean() for t in tried]
    return float(tried[int(np.argmin(losses))])


def summary(logits: Array, crowd: Array, fer2013: Array) -> dict[str, float]:
    """The figures that are logged in training.

    Args:
        logits: float32 (N, 7).
        crowd: FER+ majority labels (N,), -1 where the crowd did not agree.
        fer2013: Original labels (N,).
    """
    counts = confusion(logits, crowd)
    recall = recalls(counts)
    return {
        "accuracy": round(float(counts.trace() / counts.sum()), 4),
        "macro_recall": round(float(np.nanmean(recall)), 4),
        "disgust": round(float(recall[EMOTIONS.index("disgust")]), 3),
        "fear": round(float(recall[EMOTIONS.index("fear")]), 3),
        "called_neutral": round(float(counts[:-1, -1].sum() / counts[:-1].sum()), 4),
        "ece": round(calibration_error(softmax(logits), crowd), 4),
        "fer2013": round(float((logits.argmax(axis=1) == fer2013).mean()), 4),
    }
