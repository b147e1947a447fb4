"""Emotion classifier on an inference server that speaks the Open Inference Protocol v2."""

from adapters.open_inference.classifier import OpenInferenceCropClassifier
from adapters.open_inference.emotion_classifier import OpenInferenceEmotionClassifier
from adapters.open_inference.server import InferenceServer, Unreachable

__all__ = [
    "InferenceServer",
    "OpenInferenceCropClassifier",
    "OpenInferenceEmotionClassifier",
    "Unreachable",
]
