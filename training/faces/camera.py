"""What light, lens, sensor and codec make of images, at random and a batch at a time."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .random import Random

_KERNEL = 9
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = ((17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99))
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def developed(pixels: Tensor, random: Random) -> Tensor:
    """Images with random light and colour, some of them gray, blurred, noisy or coded as JPEG.

    Args:
        pixels: float32 (N, 3, H, W), RGB, 0..255; H and W are multiples of 16.
        random: Source of the random numbers.

    Returns:
        Of the same form; whole numbers.
    """
    n = len(pixels)

    def each(values: Tensor) -> Tensor:
        return values.reshape(n, -1, 1, 1)

    curve = torch.exp(random.normal(n, deviation=0.22))
    contrast = torch.exp(random.normal(n, deviation=0.15))
    light = random.normal(n, deviation=0.04)
    dim = torch.where(random.uniform(n) < 0.06, random.uniform(n, low=0.12, high=0.5), 1.0)
    casts = torch.exp(random.normal(n, 3, deviation=0.08))
    casts = torch.where((random.uniform(n) < 0.5)[:, None], casts, 1.0)
    values = (pixels / 255).clamp(1e-4, 1) ** each(curve)
    values = (values - 0.5) * each(contrast) + 0.5 + each(light)
    values = (values * each(dim[:, None] * casts) * 255).clamp(0, 255)
    gray = random.some(n, 0.2)
    weights = torch.tensor(_TO_YCC[0], device=pixels.device).reshape(1, 3, 1, 1)
    values[gray] = (values[gray] * weights).sum(1, keepdim=True).expand(-1, 3, -1, -1)
    blurred = random.some(n, 0.1)
    values[blurred] = _blurred(values[blurred], random)
    noisy = random.some(n, 0.15)
    deviation = random.uniform(len(noisy), 1, 1, 1, low=3, high=16)
    values[noisy] += random.normal(*values[noisy].shape, deviation=1) * deviation
    coded = random.some(n, 0.25)
    quality = random.uniform(len(coded), low=25, high=90)
    values[coded] = jpeg(values[coded].clamp(0, 255), quality)
    return values.clamp(0, 255).round()


def _blurred(pixels: Tensor, random: Random) -> Tensor:
    """Seven in ten out of focus, the others taken by a hand that shakes."""
    n, middle = len(pixels), _KERNEL // 2
    at = torch.arange(_KERNEL, device=pixels.device) - middle
    y, x = torch.meshgrid(at.float(), at.float(), indexing="ij")
    deviation = random.uniform(n, 1, 1, low=0.5, high=1.4)
    soft = torch.exp(-(x**2 + y**2) / (2 * deviation**2))
    length = random.uniform(n, 1, 1, low=3, high=8).floor() / 2
    way = random.uniform(n, 1, 1) * math.pi
    off_line = (x * way.sin() - y * way.cos()).abs() < 0.6
    along = (x * way.cos() + y * way.sin()).abs() < length
    kernels = torch.where(random.uniform(n, 1, 1) < 0.7, soft, (off_line & along).float())
    kernels = (kernels / kernels.sum((1, 2), keepdim=True)).repeat_interleave(3, 0)
    padded = F.pad(pixels, (middle,) * 4, mode="replicate")
    flat = F.conv2d(padded.reshape(1, -1, *padded.shape[2:]), kernels[:, None], groups=3 * n)
    return flat.reshape(pixels.shape)


def jpeg(pixels: Tensor, quality: Tensor) -> Tensor:
    """What a JPEG codec leaves of images, with half the resolution in colour (ITU-T T.81, 1992).

    Args:
        pixels: float32 (N, 3, H, W), RGB, 0..255; H and W are multiples of 16.
        quality: float32 (N,), 1..100, as libjpeg understands it.
    """
    device = pixels.device
    mix = torch.tensor(_TO_YCC, device=device)
    ycc = torch.einsum("dc,nchw->ndhw", mix, pixels)
    factor = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    fine = torch.tensor(_LUMINANCE, device=device, dtype=torch.float32)
    coarse = torch.full((8, 8), 99.0, device=device)
    coarse[:4, :4] = torch.tensor(_CHROMINANCE, device=device, dtype=torch.float32)

    def table(steps: Tensor) -> Tensor:
        return (steps * factor[:, None, None]).round().clamp(1, 255)[:, None, None, None]

    luma = _quantised(ycc[:, :1] - 128, table(fine)) + 128
    chroma = _quantised(F.avg_pool2d(ycc[:, 1:], 2), table(coarse))
    chroma = F.interpolate(chroma, scale_factor=2.0, mode="bilinear", align_corners=False)
    back = torch.linalg.inv(mix)
    return torch.einsum("dc,nchw->ndhw", back, torch.cat([luma, chroma], 1)).clamp(0, 255)


def _quantised(planes: Tensor, table: Tensor) -> Tensor:
    """Blocks of 8 x 8 pixels through the cosine transform, rounded to steps of the table."""
    n, channels, height, width = planes.shape
    at = torch.arange(8, device=planes.device)
    basis = torch.cos((2 * at + 1) * at[:, None] * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    blocks = planes.reshape(n, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    waves = ((basis @ blocks @ basis.T) / table).round() * table
    return (basis.T @ waves @ basis).transpose(3, 4).reshape(planes.shape)
