"""The embedded emotion classifier, on ONNX Runtime."""
