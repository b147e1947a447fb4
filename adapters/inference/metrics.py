"""Metrics of classifiers and detectors, each with its definition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from application.evaluation import ClassMetrics
from domain.emotion import Emotion

BINS = 15


def confusion_matrix(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Count every pair of label and answer.

    Args:
        probabilities: N x classes; the largest is the answer, the first one on a tie.
        labels: N positions of the true class.

    Returns:
        classes x classes: rows are labels, columns answers.
    """
    classes = probabilities.shape[1]
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    return counts


def accuracy(confusion: NDArray[np.int64]) -> float:
    """Right answers among all, in [0, 1]."""
    return float(confusion.trace() / confusion.sum())


def class_metrics(confusion: NDArray[np.int64]) -> list[ClassMetrics]:
    """Precision, recall and F1 of each class, from a confusion matrix."""
    metrics = []
    right, labelled, called = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    for hits, truth, answers in zip(right, labelled, called, strict=True):
        metrics.append(
            ClassMetrics(
                count=int(truth),
                precision=float(hits / answers) if answers else None,
                recall=float(hits / truth) if truth else None,
                f1=float(2 * hits / (truth + answers)) if truth else None,
            )
        )
    return metrics


def macro_mean(values: list[float | None]) -> float:
    """The unweighted mean over the classes that the labels contain; the others are None."""
    return float(np.mean([value for value in values if value is not None]))


def calibration_error(
    probabilities: NDArray[np.floating],
    labels: NDArray[np.integer],
    bins: int = BINS,
    weights: NDArray[np.floating] | None = None,
) -> float:
    """Expected calibration error of the answers, in [0, 1]; 0 is best.

    The highest scores are put into equal-width bins ((0, 1/15], (1/15, 2/15] and so on); the error
    is the mean over all faces of the distance between their bin's mean score and its accuracy
    (C. Guo et al., "On calibration of modern neural networks", ICML 2017).

    Args:
        probabilities: N x classes, rows sum to 1.
        labels: N positions of the true class.
        bins: how many.
        weights: N, of each face; None for equal weights.
    """
    scores = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    return gap(scores, right, bins, weights)


def gap(
    scores: NDArray[np.float64],
    right: NDArray[np.bool_],
    bins: int,
    weights: NDArray[np.floating] | None = None,
) -> float:
    """Mean distance between the mean score and the accuracy of each bin.

    Args:
        scores: N, in [0, 1].
        right: N, whether each prediction was right.
        bins: equal-width ones; see ``bins_of``.
        weights: N; None for equal weights.
    """
    # Within a bin, share x |mean score - accuracy| is |sum of weight x (score - right)|.
    shares = np.ones(len(scores)) if weights is None else weights
    gaps = np.bincount(bins_of(scores, bins), weights=shares * (scores - right))
    return float(np.abs(gaps).sum() / shares.sum())


def bins_of(scores: NDArray[np.floating], bins: int) -> NDArray[np.int64]:
    """The bin of each score: (0, 1/bins] is the first, and has 0 too."""
    assigned: NDArray[np.int64] = np.ceil(scores * bins).astype(np.int64) - 1
    return assigned.clip(0, bins - 1)


def balancing_weights(labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Weights of faces, summing to 1, that give every class among the labels the same weight."""
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    result: NDArray[np.float64] = 1 / (counts[classes] * len(counts))
    return result


def called_neutral(confusion: NDArray[np.int64]) -> float | None:
    """Share of expressive faces that were called neutral, every emotion with equal weight.

    Args:
        confusion: of the emotions; rows are labels, columns answers.
    """
    neutral = list(Emotion).index(Emotion.NEUTRAL)
    rows = np.delete(confusion, neutral, axis=0)
    rows = rows[rows.sum(axis=1) > 0]
    return float((rows[:, neutral] / rows.sum(axis=1)).mean()) if len(rows) else None
