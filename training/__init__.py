"""How the bundled weights were made."""

import adapters  # noqa: F401 - turns off ONNX Runtime's telemetry
