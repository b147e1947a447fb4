"""Keeps int8 products within 16 bits, so that every processor gives the same scores.

Processors without VNNI add two products of an activation (uint8) and a weight (int8) in 16 bits,
and cut off what is too large for that (ONNX Runtime, "Quantize ONNX models", "When and why do I
need to try U8U8?"). The usual remedy, weights of 7 bits, costs half a point of accuracy here. It is
enough to make the weights of an output channel smaller by as much as its own largest pair is too
large, 1.17 times in the median.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import numpy_helper

Array = npt.NDArray[Any]

_LARGEST = 32_500
"""A little less than 2^15: faces that were not seen here may be brighter."""


def bound_products(model: onnx.ModelProto, faces: npt.NDArray[np.float32]) -> int:
    """Makes weights smaller, in place, where two products could leave 16 bits; scales grow alike.

    Depthwise convolutions are left alone: they are added up in 32 bits everywhere.

    Args:
        model: Quantised to int8 with a scale for each output channel, weights around zero.
        faces: float32 (N, 1, 48, 48), crops on which activations are looked at.

    Returns:
        How many channels were changed; none the second time.
    """
    nodes = {name: node for node in model.graph.node for name in node.output}
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    inputs = {
        node.output[0]: nodes[node.input[0]].input[0]
        for node in model.graph.node
        if node.op_type == "Conv" and _channels(node, nodes, tensors) % 2 == 0
    }
    peaks = _peaks(model, sorted(set(inputs.values())), faces)
    changed = 0
    for output, activation in inputs.items():
        convolution = nodes[output]
        weight = _Quantised(nodes[convolution.input[1]], tensors)
        bias = _Quantised(nodes[convolution.input[2]], tensors)
        excess = np.maximum(_largest_pairs(weight.values, peaks[activation]) / _LARGEST, 1.0)
        changed += int((excess > 1).sum())
        weight.shrink(excess)
        bias.shrink(excess)
    return changed


class _Quantised:
    """A tensor of whole numbers and its scale, both initialisers of the model."""

    def __init__(self, node: onnx.NodeProto, tensors: dict[str, onnx.TensorProto]) -> None:
        self._tensor, self._scale = tensors[node.input[0]], tensors[node.input[1]]
        self.values = numpy_helper.to_array(self._tensor)

    def shrink(self, by: Array) -> None:
        shape = [-1] + [1] * (self.values.ndim - 1)
        values = np.rint(self.values / by.reshape(shape)).astype(self.values.dtype)
        scale = (numpy_helper.to_array(self._scale) * by).astype(np.float32)
        self._tensor.CopyFrom(numpy_helper.from_array(values, self._tensor.name))
        self._scale.CopyFrom(numpy_helper.from_array(scale, self._scale.name))


def _channels(
    convolution: onnx.NodeProto,
    nodes: dict[str, onnx.NodeProto],
    tensors: dict[str, onnx.TensorProto],
) -> int:
    """How many input channels each output channel reads: 1 in depthwise convolutions."""
    return int(tensors[nodes[convolution.input[1]].input[0]].dims[1])


def _peaks(model: onnx.ModelProto, names: list[str], faces: Array) -> dict[str, Array]:
    """The largest activation of each channel, int64 (C,), by the name of the activation."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    kind = onnx.TensorProto.UINT8
    watched.graph.output.extend(onnx.helper.make_tensor_value_info(n, kind, None) for n in names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    # As it stands: optimised, the model has no such activations any more.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    peaks: dict[str, Array] = {}
    for start in range(0, len(faces), 16):
        answers = session.run(names, {"faces": faces[start : start + 16]})
        for name, values in zip(names, answers, strict=True):
            peak = values.max(axis=(0, 2, 3)).astype(np.int64)
            peaks[name] = np.maximum(peaks.get(name, peak), peak)
    return peaks


def _largest_pairs(weights: Array, peaks: Array) -> Array:
    """The largest sum of two neighbours' products, of either sign, of each output channel, (O,)."""
    by_channel = weights.astype(np.int64).reshape(*weights.shape[:2], -1)
    products = by_channel * peaks[None, :, None]
    above, below = products.clip(min=0), -products.clip(max=0)
    pairs = [(side[:, 0::2] + side[:, 1::2]).max(axis=(1, 2)) for side in (above, below)]
    largest: Array = np.maximum(*pairs)
    return largest
