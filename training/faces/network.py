"""The face detector: a small feature pyramid with one anchor point per cell."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adapters.onnx.face_candidates import MAX_LOG

STRIDES = (8, 16, 32)
_OUTPUTS = 15


@dataclass(frozen=True)
class Shape:
    """Channels of the network.

    Attributes:
        stem: of the two strided convolutions at the input.
        widths: at strides 8, 16 and 32.
        depths: separable blocks at strides 4, 8, 16 and 32, after the one that halves the
            resolution.
        neck: of the top-down path and the heads.
    """

    stem: tuple[int, int] = (8, 24)
    widths: tuple[int, int, int] = (64, 96, 128)
    depths: tuple[int, int, int, int] = (0, 2, 3, 2)
    neck: int = 64


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Separable(nn.Module):
    """A depthwise 3 x 3 convolution, then a pointwise one; with a shortcut if shapes allow it.

    A. Howard et al., "MobileNets", 2017.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
        self.norm_1 = nn.BatchNorm2d(inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm_2 = nn.BatchNorm2d(outputs)
        self.has_shortcut = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """float32 (N, inputs, H, W) → (N, outputs, H / stride, W / stride)."""
        y = F.relu(self.norm_1(self.depthwise(x)))
        y = self.norm_2(self.pointwise(y))
        return F.relu(x + y if self.has_shortcut else y)


def _stage(inputs: int, outputs: int, depth: int) -> nn.Sequential:
    blocks = [Separable(outputs, outputs) for _ in range(depth)]
    return nn.Sequential(Separable(inputs, outputs, 2), *blocks)


class FaceNet(nn.Module):
    """Finds faces at strides 8, 16 and 32, with a top-down path between them.

    One anchor point per cell, as in W. Wu, H. Peng, S. Yu, "YuNet: a tiny millisecond-level face
    detector", 2023, and Z. Tian et al., "FCOS: fully convolutional one-stage object detection",
    2019.
    """

    def __init__(self, shape: Shape = Shape()) -> None:
        super().__init__()
        first, second = shape.stem
        fine, middle, coarse = shape.widths
        neck = shape.neck
        self.stem = nn.Sequential(
            _convolution(3, first, 2),
            _convolution(first, second, 2),
            *(Separable(second, second) for _ in range(shape.depths[0])),
        )
        self.stage_8 = _stage(second, fine, shape.depths[1])
        self.stage_16 = _stage(fine, middle, shape.depths[2])
        self.stage_32 = _stage(middle, coarse, shape.depths[3])
        self.lateral_8 = nn.Conv2d(fine, neck, 1)
        self.lateral_16 = nn.Conv2d(middle, neck, 1)
        self.lateral_32 = nn.Conv2d(coarse, neck, 1)
        self.smooth_8 = Separable(neck, neck)
        self.smooth_16 = Separable(neck, neck)
        self.heads = nn.ModuleList(
            nn.Sequential(Separable(neck, neck), nn.Conv2d(neck, _OUTPUTS, 1)) for _ in STRIDES
        )
        for head in self.heads:
            final = head[1]  # type: ignore[index]
            nn.init.normal_(final.weight, std=0.01)
            nn.init.zeros_(final.bias)
            # Faces are rare: at an initial confidence of 1 %, background does not rule the loss.
            final.bias.data[0] = -4.6

    def forward(self, pixels: Tensor) -> Tensor:
        """The cells of a batch of images.

        Args:
            pixels: float32 (N, 3, H, W), RGB, 0..1; H and W are multiples of 32.

        Returns:
            float32 (N, A, 15), the cells of all strides one after the other, row by row: the logit
            of the score; distances from the cell's centre to the left, top, right and bottom side
            of the box; x and y of five landmarks relative to it. All in pixels of the input.
        """
        levels = self._levels(pixels)
        cells = [_cells(level, stride) for level, stride in zip(levels, STRIDES, strict=True)]
        return torch.cat(cells, 1)

    def encoded(self, pixels: Tensor) -> Tensor:
        """The same as `adapters.onnx.face_candidates` reads it, where few cells are decoded.

        Returns:
            float32 (N, 15, A): logits, logarithms of the distances, and landmarks, in strides.
        """
        return torch.cat([level.flatten(2) for level in self._levels(pixels)], 2)

    def _levels(self, pixels: Tensor) -> list[Tensor]:
        """(N, 15, H / stride, W / stride) of each stride."""
        fine = self.stage_8(self.stem(pixels))
        middle = self.stage_16(fine)
        coarse = self.lateral_32(self.stage_32(middle))
        middle = self.smooth_16(self.lateral_16(middle) + _enlarged(coarse))
        fine = self.smooth_8(self.lateral_8(fine) + _enlarged(middle))
        return [head(level) for head, level in zip(self.heads, (fine, middle, coarse), strict=True)]


def _enlarged(level: Tensor) -> Tensor:
    return F.interpolate(level, scale_factor=2.0, mode="nearest")


def _cells(level: Tensor, stride: int) -> Tensor:
    rows = level.flatten(2).transpose(1, 2)
    reach = rows[..., 1:5].clamp(-MAX_LOG, MAX_LOG).exp()
    return torch.cat([rows[..., :1], reach * stride, rows[..., 5:] * stride], -1)


def as_input(pixels: Tensor) -> Tensor:
    """Pixels from 0 to 255, float32 (N, 3, H, W), as the networks read them in training."""
    return (pixels / 255).contiguous(memory_format=torch.channels_last)


def centres(height: int, width: int) -> tuple[Tensor, Tensor]:
    """The centres of the cells of an image.

    Returns:
        float32 (A, 2), x and y of each cell's centre in pixels, and float32 (A,), its stride.
    """
    points, strides = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(
            torch.arange(height // stride), torch.arange(width // stride), indexing="ij"
        )
        points.append((torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((x.numel(),), float(stride)))
    return torch.cat(points).float(), torch.cat(strides)
