"""A small residual network for 48 x 48 grey crops, and what all networks here share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .data import EMOTIONS

CLASSES = len(EMOTIONS)


def normalise(faces: Tensor) -> Tensor:
    """Gray levels to zero mean and unit deviation, crop by crop.

    Removes the exposure and contrast of the camera before the first layer.

    Args:
        faces: float32 (N, 1, H, W), grey levels in 0..255.

    Returns:
        float32 (N, 1, H, W).
    """
    centred = faces - faces.mean(dim=(2, 3), keepdim=True)
    spread = (centred * centred).mean(dim=(2, 3), keepdim=True)
    # 25 keeps a flat crop flat instead of amplifying its noise.
    return centred / torch.sqrt(spread + 25.0)


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut (He et al. 2016, "Deep residual learning").

    The shortcut of a strided block averages before its 1 x 1 convolution, so that no pixel is
    skipped (He et al. 2019, "Bag of tricks", ResNet-D).
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(2) if stride == 2 else nn.Identity(),
                nn.Conv2d(inputs, outputs, 1, bias=False),
                nn.BatchNorm2d(outputs),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


def half_precision() -> torch.autocast:
    """bfloat16 where the processor has instructions for it; emulation takes ten times as long."""
    has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16)


class TwoHeads(nn.Module):
    """What has features and, on them, a head for the emotion and one for the FER2013 class."""

    head: nn.Linear
    fer_head: nn.Linear
    """Predicts the FER2013 class in training only: a second opinion on the same faces."""

    def features(self, faces: Tensor) -> Tensor:
        """Gray levels (N, 1, H, W) in 0..255 to pooled features (N, C)."""
        raise NotImplementedError

    def forward(self, faces: Tensor) -> Tensor:
        """Gray levels (N, 1, H, W) in 0..255 to emotion logits (N, 7)."""
        logits: Tensor = self.head(self.features(faces))
        return logits

    def both(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Emotion logits and FER2013 logits, each (N, 7)."""
        features = self.features(faces)
        return self.head(features), self.fer_head(features)


class EmotionNet(TwoHeads):
    """Residual network whose stem halves the resolution at once, to save computation.

    Args:
        widths: Channels of the stages; each stage but the first halves the picture.
        depths: Residual blocks of the stages.
        dropout: Share of pooled features dropped in training.
    """

    def __init__(
        self,
        widths: Sequence[int],
        depths: Sequence[int],
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, widths[0], 5, 2, 2, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        blocks: list[nn.Module] = []
        channels = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for number in range(depth):
                blocks.append(Block(channels, width, 2 if stage and not number else 1))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, CLASSES)
        self.fer_head = nn.Linear(channels, CLASSES)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def views(self, side: int) -> int:
        """The side in pixels that crops should have for views of `side`: the same."""
        return side

    def features(self, faces: Tensor) -> Tensor:
        """Gray levels (N, 1, H, W) in 0..255 to pooled features (N, C)."""
        x = self.blocks(self.stem(normalise(faces)))
        pooled: Tensor = self.dropout(x.mean(dim=(2, 3)))
        return pooled


@torch.no_grad()
def predict(network: nn.Module, images: np.ndarray, batch: int = 256) -> np.ndarray:
    """Logits float32 (N, 7) of uint8 crops (N, 48, 48), as they are, no augmentation."""
    parts = []
    for start in range(0, len(images), batch):
        faces = torch.from_numpy(np.ascontiguousarray(images[start : start + batch]))
        faces = faces[:, None].float()
        with half_precision():
            parts.append(network(faces.to(memory_format=torch.channels_last)).float())
    return torch.cat(parts).numpy()
