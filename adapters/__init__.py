"""One folder per technology; the classes fulfil the ports of ``application.ports``."""

from adapters.environment import turn_off_onnx_runtime_telemetry

# Here, because it has to happen before any adapter imports ONNX Runtime.
turn_off_onnx_runtime_telemetry()
