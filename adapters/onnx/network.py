"""Networks on ONNX Runtime, each with a JSON file of facts beside it."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from application.errors import InferenceUnavailable

BUNDLED = Path(__file__).parent / "weights"
# Each input that is larger takes 20 MB and more while it is read.
_LARGE_BYTES = 2**20
_RETURN_EVERY_S = 0.2


class _Returning:
    """When to return what ONNX Runtime keeps of large inputs: 40 MB on two threads.

    Returning it costs the call that does so a few milliseconds, so not every call does.
    """

    def __init__(self) -> None:
        self._options = onnxruntime.RunOptions()
        self._options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._lock = threading.Lock()
        self._is_due = False
        self._last_s = 0.0

    def options(self, input_bytes: int) -> onnxruntime.RunOptions | None:
        """For the next call; from any thread."""
        is_large = input_bytes > _LARGE_BYTES
        now_s = time.monotonic()
        with self._lock:
            self._is_due |= is_large
            if not self._is_due or now_s < self._last_s + _RETURN_EVERY_S:
                return None
            # A large input leaves something behind on another thread, if not on this one.
            self._is_due, self._last_s = is_large, now_s
        return self._options


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
    _returning: _Returning = field(default_factory=_Returning, repr=False)

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
        options = self._returning.options(values.nbytes)
        try:
            answer = self._session.run([self._output], {self._input: values}, options)[0]
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
