"""Networks on ONNX Runtime, each with a JSON file of facts beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from application.errors import InferenceUnavailable

BUNDLED = Path(__file__).parent / "weights"


@dataclass(frozen=True, slots=True)
class OnnxNetwork:
    """A network with one input and one output, by name.

    Attributes:
        path: of the ONNX file.
        facts: what the JSON file beside it says.
        input_shape: a number for each fixed dimension, a name or None for each free one.
        output_shape: likewise.
    """

    path: Path
    facts: dict[str, Any]
    input_shape: list[Any]
    output_shape: list[Any]
    _session: onnxruntime.InferenceSession
    _input: str
    _output: str

    @classmethod
    def load(
        cls, path: Path, *, reads: str, answers: str, facts: Collection[str] = ()
    ) -> OnnxNetwork:
        """Load a network, to run on one thread per call.

        Args:
            path: an ONNX file with its JSON file beside it.
            reads: name of the input.
            answers: name of the output.
            facts: fields that the JSON file must have besides ``name``, ``version`` and
                ``file_sha256``.

        Raises:
            InferenceUnavailable: a file is missing, damaged or another kind of network, or the two
                do not belong together.
        """
        content, stated = _read(path, {"name", "version", "file_sha256", *facts})
        options = onnxruntime.SessionOptions()
        # One thread per call: the calls run in parallel on the executor's threads.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # Memory patterns are kept for each input size, and images have many sizes: 70 MB without a
        # gain.
        options.enable_mem_pattern = False
        try:
            session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions have no common base class.
            raise InferenceUnavailable(f"{path.name} is not a usable ONNX network") from error
        inputs = {node.name: node.shape for node in session.get_inputs()}
        outputs = {node.name: node.shape for node in session.get_outputs()}
        if reads not in inputs or answers not in outputs:
            raise InferenceUnavailable(
                f"{path.name} must map {reads} to {answers}; it maps {inputs} to {outputs}"
            )
        return cls(path, stated, inputs[reads], outputs[answers], session, reads, answers)

    def run(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Run the network; may be called from several threads at once.

        Raises:
            InferenceUnavailable: it cannot read these values.
        """
        try:
            answer = self._session.run([self._output], {self._input: values})[0]
        except Exception as error:  # As above.
            raise InferenceUnavailable(f"the network {self.path.name} failed") from error
        return np.asarray(answer, dtype=np.float32)


def _read(path: Path, needed: Collection[str]) -> tuple[bytes, dict[str, Any]]:
    beside = path.with_suffix(".json")
    try:
        content = path.read_bytes()
        facts = json.loads(beside.read_text("utf-8"))
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise InferenceUnavailable(f"the model's file {missing} is missing") from error
    except (OSError, ValueError) as error:
        raise InferenceUnavailable(f"the files of {path.name} cannot be read") from error
    if not isinstance(facts, dict):
        raise InferenceUnavailable(f"{beside.name} is not a JSON object")
    absent = set(needed) - facts.keys()
    if absent:
        raise InferenceUnavailable(f"{beside.name} lacks {', '.join(sorted(absent))}")
    if hashlib.sha256(content).hexdigest() != facts["file_sha256"]:
        raise InferenceUnavailable(
            f"{path.name} is not the file that {beside.name} describes "
            "(its SHA-256 differs); restore both from the same version"
        )
    return content, facts
