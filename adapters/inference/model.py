"""The interface of classifiers of crops, and running them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from adapters.inference.crops import CropSpec
from application.errors import InferenceUnavailable
from application.ports.emotion_classifier import ModelCard
from domain.emotion import Emotion, EmotionScores

MAX_BATCH = 32
"""How many crops are scored at once; larger batches gain nothing on a CPU."""


class CropClassifier(Protocol):
    """Scores the emotions of face crops."""

    @property
    def card(self) -> ModelCard:
        """What is known about the model that runs."""
        ...

    @property
    def crop_spec(self) -> CropSpec:
        """Which crops it reads."""
        ...

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score a batch of crops; may be called from several threads at once.

        Args:
            crops: uint8, N x height x width x channels as ``crop_spec`` says, 0..255; one channel
                is grey, three are RGB. N is at least 1.

        Returns:
            float32, N x emotions: probabilities in the order of ``domain.emotion.Emotion``.
        """
        ...


def score(model: CropClassifier, crops: NDArray[np.uint8]) -> list[EmotionScores]:
    """Score any number of crops, at most ``MAX_BATCH`` at a time.

    Args:
        model: scores them.
        crops: see ``CropClassifier.predict``.
    """
    scores = []
    for start in range(0, len(crops), MAX_BATCH):
        for row in model.predict(crops[start : start + MAX_BATCH]):
            weights = zip(Emotion, row.tolist(), strict=True)
            scores.append(EmotionScores.from_weights(dict(weights)))
    return scores


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Probabilities of logits, both N x classes."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def failure_of(error: Exception) -> InferenceUnavailable:
    """The error that a caller gets when a model failed; a new one for each caller of a batch."""
    if isinstance(error, InferenceUnavailable):
        failure = InferenceUnavailable(str(error), retry_after_s=error.retry_after_s)
    else:
        failure = InferenceUnavailable("the emotion classifier failed")
    failure.__cause__ = error
    return failure
