"""Tensors in the protocol: as JSON, or as bytes after a JSON header.

The second is the extension "binary tensor data" of NVIDIA Triton, which OpenVINO Model Server and
others share. https://docs.nvidia.com/deeplearning/triton-inference-server documents both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.open_inference.server import Answer, UnexpectedAnswer

_HEADER_LENGTH = "Inference-Header-Content-Length"
# Every value of a pixel, as JSON text of equal width: spaces are allowed between numbers.
_NUMBERS = np.array([f"{value:3d}.0," for value in range(256)], dtype="S6")


def encode(
    crops: NDArray[np.uint8],
    *,
    input_name: str,
    output: Mapping[str, Any],
    binary: bool,
) -> tuple[dict[str, str], bytes]:
    """Make a request for an output of the model.

    Args:
        crops: uint8, N x height x width x channels; sent as float32, N x channels x height x width.
        input_name: of the model.
        output: its name, and parameters.
        binary: send bytes in place of JSON.

    Returns:
        Headers and body.
    """
    planes = np.ascontiguousarray(crops.transpose(0, 3, 1, 2))
    tensor: dict[str, Any] = {
        "name": input_name,
        "shape": list(planes.shape),
        "datatype": "FP32",
    }
    if binary:
        raw = planes.astype("<f4").tobytes()
        tensor["parameters"] = {"binary_data_size": len(raw)}
        header = json.dumps({"inputs": [tensor], "outputs": [output]}).encode()
        types = {"Content-Type": "application/octet-stream", _HEADER_LENGTH: str(len(header))}
        return types, header + raw
    numbers = _NUMBERS[planes.ravel()].tobytes().removesuffix(b",")
    described = json.dumps(tensor).encode().removesuffix(b"}") + b',"data":[' + numbers + b"]}"
    body = b'{"inputs":[' + described + b'],"outputs":[' + json.dumps(output).encode() + b"]}"
    return {"Content-Type": "application/json"}, body


def decode(answer: Answer, name: str) -> tuple[str | None, NDArray[np.float32]]:
    """Read the float32 output of that name.

    Returns:
        The version of the model that answered, if the server sends it, and the values.

    Raises:
        UnexpectedAnswer: the output is missing or malformed.
    """
    header, raw = read_json(answer), b""
    if length := answer.headers.get(_HEADER_LENGTH):
        raw = answer.body[int(length) :]
    version = header.get("model_version")
    try:
        (output,) = (each for each in header["outputs"] if each["name"] == name)
        if output["datatype"] != "FP32":
            raise UnexpectedAnswer(f"{name} is {output['datatype']} and not FP32")
        if "data" in output:
            values = np.array(output["data"], dtype=np.float32)
        else:
            values = np.frombuffer(raw, dtype="<f4").astype(np.float32)
        values = values.reshape([int(size) for size in output["shape"]])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UnexpectedAnswer("its answer is not a tensor") from error
    if not np.isfinite(values).all():
        raise UnexpectedAnswer("its answer contains values that are not numbers")
    return None if version in (None, "") else str(version), values


def read_json(answer: Answer) -> dict[str, Any]:
    """Read the JSON object that an answer is, or begins with.

    Raises:
        UnexpectedAnswer: there is none.
    """
    try:
        length = int(answer.headers.get(_HEADER_LENGTH, len(answer.body)))
        content = json.loads(answer.body[:length])
    except (ValueError, RecursionError) as error:
        raise UnexpectedAnswer("its answer is not JSON") from error
    if not isinstance(content, dict):
        raise UnexpectedAnswer("its answer is not a JSON object")
    return content
