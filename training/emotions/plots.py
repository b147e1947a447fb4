"""Plots of runs and results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def curves(history: list[dict[str, Any]], path: Path) -> None:
    """Draws loss and tuning figures of a run, an epoch a step."""
    epochs = [row["epoch"] for row in history]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    left.plot(epochs, [row["loss"] for row in history])
    left.set(xlabel="epoch", ylabel="training loss")
    for name in ("accuracy", "macro_recall", "disgust", "fear", "called_neutral"):
        right.plot(epochs, [row[name] for row in history], label=name.replace("_", " "))
    right.set(xlabel="epoch", ylabel="tuning slice", ylim=(0, 1))
    right.legend()
    figure.savefig(path, dpi=80)
    plt.close(figure)


def confusion_picture(counts: npt.NDArray[np.int64], labels: list[str], path: Path) -> None:
    """Draws counts (C, C), rows true, as shares of each row."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(shares.shape):
        axes.text(
            column,
            row,
            f"{100 * shares[row, column]:.0f} %\n{counts[row, column]}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if shares[row, column] > 0.5 else "black",
        )
    axes.set_xticks(range(len(labels)), labels, rotation=30)
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="predicted", ylabel="majority of the crowd")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def reliability_picture(
    before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], path: Path
) -> None:
    """Draws reliability tables (bins, 3) from `evaluate.reliability` side by side."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 4.4), sharey=True, layout="constrained")
    for axes, table, title in (
        (panels[0], before, "before the adjustment"),
        (panels[1], after, "as shipped"),
    ):
        # A bin with a handful of crops is not conclusive.
        share, score, right = table[table[:, 0] > 0.004].T
        axes.plot([0, 1], [0, 1], color="gray", linestyle=":")
        axes.plot(score, right, marker="o")
        axes.bar(score, share, width=0.04, alpha=0.3, label="share of crops")
        axes.set(xlabel="top score", title=title, xlim=(0, 1), ylim=(0, 1))
        axes.legend(loc="upper left")
    panels[0].set_ylabel("accuracy")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def recall_picture(recall: dict[str, float], examples: list[int], path: Path) -> None:
    """Draws the recall of each class with its number of examples."""
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    bars = axes.bar(list(recall), [100 * value for value in recall.values()])
    texts = [f"{100 * value:.0f} %" for value in recall.values()]
    axes.bar_label(bars, texts)
    names = [f"{name}\n{count} crops" for name, count in zip(recall, examples, strict=True)]
    axes.set_xticks(range(len(names)), names)
    axes.set(ylabel="recall in per cent", ylim=(0, 105))
    figure.savefig(path, dpi=100)
    plt.close(figure)
