"""Random numbers on the device that trains."""

from __future__ import annotations

import torch
from torch import Tensor


class Random:
    """Draws tensors from one seeded source."""

    def __init__(self, device: torch.device) -> None:
        self._source, self._device = torch.Generator(device), device

    def seed(self, number: int) -> None:
        """Starts the sequence that belongs to a number."""
        self._source.manual_seed(number)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Numbers from `low` to `high`, float32."""
        drawn = torch.rand(shape, generator=self._source, device=self._device)
        return drawn * (high - low) + low

    def normal(self, *shape: int, deviation: float) -> Tensor:
        """Numbers around 0, float32."""
        return torch.randn(shape, generator=self._source, device=self._device) * deviation

    def some(self, count: int, share: float) -> Tensor:
        """A share of the numbers below `count`, at least one, each at most once; int64."""
        order = torch.randperm(count, generator=self._source, device=self._device)
        return order[: max(round(count * share), 1)]
