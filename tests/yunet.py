"""A network with YuNet's interface, for machines without its file."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

# YuNet uses three grids with cells of this many pixels, and has four outputs per cell: two factors
# of the score, a box, and five points.
CELLS = (8, 16, 32)
OUTPUTS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


def write_yunet(path: Path) -> Path:
    """Save a network that scores each cell of 32 pixels by its brightness, from 0 to 1."""
    nodes, constants, outputs = [], [], []
    for cell in CELLS:
        for kind, width in OUTPUTS.items():
            name = f"{kind}_{cell}"
            counts = width == 1 and cell == CELLS[-1]
            weight = 1 / (255 * 3 * cell * cell) if counts else 0
            weights = np.full((width, 3, cell, cell), weight, np.float32)
            constants += [
                numpy_helper.from_array(weights, f"{name}_weights"),
                numpy_helper.from_array(np.array([1, -1, width]), f"{name}_shape"),
            ]
            nodes += [
                helper.make_node(
                    "Conv", ["input", f"{name}_weights"], [f"{name}_grid"], strides=[cell, cell]
                ),
                helper.make_node("Reshape", [f"{name}_grid", f"{name}_shape"], [name]),
            ]
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, width]))
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, None, None])
    graph = helper.make_graph(nodes, "yunet", [picture], outputs, constants)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path
