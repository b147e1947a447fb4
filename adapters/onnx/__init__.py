"""Face detector and emotion classifier on ONNX Runtime, with the bundled weights."""
