"""How the bundled weights were made."""

import adapters  # noqa: F401 - keeps ONNX Runtime from calling its maker; see there
