"""A replacement for Triton's ONNX backend, which no package contains.

Triton loads it as the backend "onnxruntime" through its Python backend. It serves what
``emotion-api models export --triton`` writes.
"""

import json
from pathlib import Path

import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    """One version of one model."""

    @staticmethod
    def auto_complete_config(config):
        """The configuration is complete."""
        return config

    def initialize(self, args):
        """Load the network."""
        config = json.loads(args["model_config"])
        self.inputs = [each["name"] for each in config["input"]]
        self.outputs = [each["name"] for each in config["output"]]
        folder = Path(args["model_repository"], args["model_version"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.network = onnxruntime.InferenceSession(
            folder / config["default_model_filename"], options, providers=["CPUExecutionProvider"]
        )

    def execute(self, requests):
        """Answer each request of a batch."""
        return [self.answer(request) for request in requests]

    def answer(self, request):
        """Run the network."""
        tensors = {
            name: triton.get_input_tensor_by_name(request, name).as_numpy() for name in self.inputs
        }
        answers = self.network.run(self.outputs, tensors)
        named = zip(self.outputs, answers, strict=True)
        return triton.InferenceResponse([triton.Tensor(name, values) for name, values in named])
