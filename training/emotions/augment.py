"""Batch augmentation: other boxes, cameras, light and compression."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_PADDING = ("border", "border", "reflection", "zeros")


class Augment:
    """Turns grey crops into random views, a whole batch at a time.

    One affine resampling covers box shift and scale (Haar and YuNet frame a face differently from
    FER2013), rotation, shear, flip and the training resolution; the rest imitates light, lenses,
    sensors and codecs.

    Args:
        strength: Multiplies the geometric ranges and the odds of degradations and cutout.
        seed: Seed of the views.
    """

    def __init__(self, strength: float = 1.0, seed: int = 0) -> None:
        self.strength = strength
        self.random = torch.Generator().manual_seed(seed)
        self.numpy = np.random.default_rng(seed)

    def __call__(self, images: Tensor, size: int = 48) -> Tensor:
        """Random views.

        Args:
            images: uint8 (N, 48, 48).
            size: Side of the views in pixels.

        Returns:
            float32 (N, 1, size, size), grey levels in 0..255.
        """
        views = self._warp(images[:, None].float(), size)
        views = self._light(views)
        views = self._degrade(views)
        return self._cutout(views)

    def _uniform(self, count: int, low: float, high: float) -> Tensor:
        return torch.rand(count, generator=self.random) * (high - low) + low

    def _chance(self, count: int, odds: float) -> Tensor:
        return torch.rand(count, generator=self.random) < odds

    def _warp(self, images: Tensor, size: int) -> Tensor:
        n, s = len(images), self.strength
        angle = torch.randn(n, generator=self.random).clamp(-2, 2) * math.radians(9) * s
        shear = self._uniform(n, -0.08, 0.08) * s
        zoom = torch.exp(self._uniform(n, -0.20, 0.17) * s)
        aspect = torch.exp(self._uniform(n, -0.07, 0.07) * s)
        flip = torch.where(self._chance(n, 0.5), -1.0, 1.0)
        cos, sin = torch.cos(angle), torch.sin(angle)
        wide, high = zoom * aspect, zoom / aspect
        theta = torch.stack(
            [
                torch.stack([flip * wide * cos, high * (shear - sin)], 1),
                torch.stack([flip * wide * sin, high * cos], 1),
            ],
            1,
        )
        shift = torch.stack([self._uniform(n, -0.18, 0.18), self._uniform(n, -0.18, 0.18)], 1) * s
        theta = torch.cat([theta, shift[:, :, None]], 2)
        grid = F.affine_grid(theta, [n, 1, size, size], align_corners=False)
        padding = _PADDING[int(self.numpy.integers(len(_PADDING)))]
        return F.grid_sample(images, grid, "bilinear", padding, align_corners=False)

    def _light(self, views: Tensor) -> Tensor:
        n, size = len(views), views.shape[-1]
        ramp = torch.linspace(-1, 1, size)
        direction = self._uniform(n, 0, 2 * math.pi)
        plane = (
            torch.cos(direction)[:, None, None] * ramp[None, None, :]
            + torch.sin(direction)[:, None, None] * ramp[None, :, None]
        )
        amount = self._uniform(n, 0, 0.55) * self._chance(n, 0.4)
        unit = (views / 255 * (1 + amount[:, None, None, None] * plane[:, None])).clamp(1e-4, 1)
        gamma = torch.exp(torch.randn(n, generator=self.random).clamp(-2, 2) * 0.3)
        unit = unit ** gamma[:, None, None, None]
        contrast = torch.exp(self._uniform(n, -0.5, 0.45))[:, None, None, None]
        brightness = self._uniform(n, -0.15, 0.15)[:, None, None, None]
        middle = unit.mean(dim=(1, 2, 3), keepdim=True)
        return (((unit - middle) * contrast + middle + brightness) * 255).clamp(0, 255)

    def _pick(self, count: int, odds: float) -> Tensor:
        return torch.nonzero(self._chance(count, odds * self.strength)).flatten()

    def _degrade(self, views: Tensor) -> Tensor:
        n, size = len(views), views.shape[-1]
        views = views.clone()
        for _ in range(3):  # three groups, each with a blur of its own
            pick = self._pick(n, 0.06)
            if len(pick):
                sigma = float(self.numpy.uniform(0.4, 1.3)) * size / 48
                views[pick] = _blur(views[pick], sigma)
            pick = self._pick(n, 0.035)
            if len(pick):
                low = int(self.numpy.integers(16, 40)) * size // 48
                small = F.interpolate(views[pick], size=(low, low), mode="area")
                views[pick] = F.interpolate(
                    small, size=(size, size), mode="bilinear", align_corners=False
                )
        pick = self._pick(n, 0.15)
        if len(pick):
            amount = float(self.numpy.uniform(0.3, 1.5))
            views[pick] += amount * (views[pick] - _blur(views[pick], 0.8))
        pick = self._pick(n, 0.2)
        if len(pick):
            level = self._uniform(len(pick), 1, 9)[:, None, None, None]
            views[pick] += level * torch.randn(views[pick].shape, generator=self.random)
        views = views.clamp(0, 255)
        for index in self._pick(n, 0.15).tolist():
            views[index, 0] = torch.from_numpy(self._jpeg(views[index, 0].numpy()))
        return views

    def _jpeg(self, view: np.ndarray) -> np.ndarray:
        quality = int(self.numpy.integers(15, 80))
        _, code = cv2.imencode(".jpg", view.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), np.float32)

    def _cutout(self, views: Tensor) -> Tensor:
        """Hides a rectangle (DeVries and Taylor 2017): hair, a hand, a mask, a caption."""
        n, size = len(views), views.shape[-1]
        half = self._uniform(2 * n, 0.06, 0.20).view(n, 2) * size
        half *= self._chance(n, 0.5 * self.strength)[:, None]
        centre = self._uniform(2 * n, 0, 1).view(n, 2) * size
        place = torch.arange(size)[None]
        rows = (place - centre[:, :1]).abs() < half[:, :1]
        columns = (place - centre[:, 1:]).abs() < half[:, 1:]
        fill = self._uniform(n, 0, 255)[:, None, None, None]
        return torch.where((rows[:, :, None] & columns[:, None, :])[:, None], fill, views)


def _blur(views: Tensor, sigma: float) -> Tensor:
    reach = max(1, math.ceil(2 * sigma))
    taps = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-(taps**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    views = F.conv2d(F.pad(views, (reach, reach, 0, 0), mode="replicate"), kernel)
    return F.conv2d(F.pad(views, (0, 0, reach, reach), mode="replicate"), kernel.transpose(2, 3))
