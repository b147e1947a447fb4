"""Pictures of runs and results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

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
