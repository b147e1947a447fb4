"""What ONNX Runtime keeps between two calls."""

import subprocess
import sys

# In a process of its own, set up as the service is.
PROGRAM = """
import os, time
import numpy as np
from adapters.onnx.network import BUNDLED, OnnxNetwork
from entrypoints.process.allocator import return_large_blocks
from tests.attacks.memory import resident_mb

return_large_blocks()
network = OnnxNetwork.load(BUNDLED / "face.onnx", reads="pixels", answers="cells")
large, small = (np.zeros((1, 3, side, side), np.uint8) for side in (1024, 64))
network.run(small)
for _ in range(3):
    network.run(large)
before_mb = resident_mb(os.getpid())
time.sleep(0.6)
network.run(small)
print(before_mb - resident_mb(os.getpid()))
"""


def test_memory_for_large_inputs_is_returned_by_a_later_call() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True)
    assert float(done.stdout) > 20, "it keeps 32 bytes a pixel"
