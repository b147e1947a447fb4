"""Pictures of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def curves(history: Sequence[dict[str, Any]], path: Path) -> None:
    """Losses and recall on the tuning slice over the steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps = [row["step"] for row in history]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.5))
    for index, name in enumerate(("score", "box", "landmarks")):
        left.plot(steps, [row["losses"][index] for row in history], label=name)
    left.set(title="loss", xlabel="step", yscale="log")
    left.legend()
    for key, name in (("recall_16", "16 px and more"), ("recall_8_16", "8 to 16 px")):
        right.plot(steps, [row[key] for row in history], label=name)
    right.set(title="recall on the tuning slice", xlabel="step", ylim=(0, 1))
    right.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
