"""The teacher, YuNet: a soft target for every cell, on the grid of the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import Tensor, nn

from .network import STRIDES


class Teacher(nn.Module):
    """YuNet on the grid of `network.FaceNet`: same strides, one anchor point per cell.

    W. Wu, H. Peng, S. Yu, "YuNet: a tiny millisecond-level face detector", 2023; G. Hinton,
    O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", 2015. Its ONNX file is read
    into PyTorch, so that it answers where the network is trained.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        graph = onnx.load(path).graph
        for tensor in graph.initializer:
            values = torch.from_numpy(numpy_helper.to_array(tensor).copy())
            if values.ndim == 4:
                values = values.contiguous(memory_format=torch.channels_last)
            self.register_buffer(_key(tensor.name), values)
        self._nodes = [
            (
                node.op_type,
                list(node.input),
                node.output[0],
                {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute},
            )
            for node in graph.node
        ]

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        """The teacher's answer for each cell.

        Args:
            pixels: float32 (N, 3, H, W), RGB, 0..255; H and W are multiples of 32.

        Returns:
            float32 (N, A, 15), cells as `network.FaceNet` orders them: score in [0, 1], distances
            to the four sides, five landmarks from the cell's centre, all in pixels.
        """
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=pixels.is_cuda):
            answers = self._run(pixels.flip(1).contiguous(memory_format=torch.channels_last))
        levels = []
        for stride in STRIDES:
            cls, obj, box, points = (
                answers[f"{part}_{stride}"].float() for part in ("cls", "obj", "bbox", "kps")
            )
            # YuNet measures from the corner of a cell, `FaceNet` from its centre.
            middle = (box[..., :2] - 0.5) * stride
            half = box[..., 2:].clamp_max(8).exp() * stride / 2
            landmarks = (points - 0.5) * stride
            score = (cls.clamp(0, 1) * obj.clamp(0, 1)).sqrt()
            levels.append(torch.cat([score, half - middle, half + middle, landmarks], -1))
        return torch.cat(levels, 1)

    def _run(self, pixels: Tensor) -> dict[str, Tensor]:
        """The outputs by name: the few operators that this network consists of."""
        values: dict[str, Tensor] = {"input": pixels}
        for kind, inputs, output, options in self._nodes:
            read = [values[name] if name in values else self._constant(name) for name in inputs]
            values[output] = _applied(kind, read, options)
        return values

    def _constant(self, name: str) -> Tensor:
        return self.get_buffer(_key(name)) if name else torch.empty(0)


def _applied(kind: str, read: list[Tensor], options: dict[str, Any]) -> Tensor:
    first = read[0]
    match kind:
        case "Conv":
            stride, padding = options["strides"], options["pads"][:2]
            return F.conv2d(first, read[1], read[2], stride, padding, groups=options["group"])
        case "Relu":
            return first.relu()
        case "Sigmoid":
            return first.sigmoid()
        case "MaxPool":
            return F.max_pool2d(first, options["kernel_shape"], options["strides"])
        case "Resize":
            return F.interpolate(first, scale_factor=2.0, mode="nearest")
        case "Add":
            return first + read[1]
        case "Transpose":
            return first.permute(options["perm"])
        case "Reshape":  # (N, height, width, values) → (N, cells, values)
            return first.reshape(len(first), -1, first.shape[-1])
    raise ValueError(f"{kind} is not an operator of YuNet")


def _key(name: str) -> str:
    return "constant " + name.replace(".", " ")
