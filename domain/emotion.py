"""The emotions, their colours, and a distribution over them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Emotion(StrEnum):
    """The expressions of a face; the values are the words on the wire."""

    HAPPY = "happy"
    SAD = "sad"
    ANGRY = "angry"
    DISGUST = "disgust"
    FEAR = "fear"
    SURPRISE = "surprise"
    NEUTRAL = "neutral"


EMOTION_COLOURS: Mapping[Emotion, str] = {
    Emotion.HAPPY: "#F0E442",
    Emotion.SAD: "#56B4E9",
    Emotion.ANGRY: "#D55E00",
    Emotion.DISGUST: "#009E73",
    Emotion.FEAR: "#CC79A7",
    Emotion.SURPRISE: "#E69F00",
    Emotion.NEUTRAL: "#BBBBBB",
}
"""The colour of each emotion in images, in timelines and on the page.

The palette of Okabe and Ito (2008, "Color Universal Design"), which people with any common form of
colour blindness can distinguish. Neutral is grey.
"""


@dataclass(frozen=True, slots=True)
class EmotionScores:
    """A probability for each emotion.

    Attributes:
        values: probabilities in [0, 1] in the order of ``Emotion``; they sum to 1.
    """

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.values) != len(Emotion):
            raise ValueError(f"{len(Emotion)} scores are needed, got {len(self.values)}")
        if not all(0 <= value <= 1 for value in self.values):
            raise ValueError("every score must lie in [0, 1]")
        if not math.isclose(sum(self.values), 1, abs_tol=1e-6):
            raise ValueError(f"scores must sum to 1, got {sum(self.values):.8f}")

    @classmethod
    def from_weights(cls, weights: Mapping[Emotion, float]) -> EmotionScores:
        """Normalise weights to probabilities.

        Args:
            weights: non-negative and finite, at least one above 0; an emotion left out weighs 0.

        Raises:
            ValueError: a weight is negative or not finite, or all are 0.
        """
        row = [float(weights.get(emotion, 0.0)) for emotion in Emotion]
        if not all(math.isfinite(value) and value >= 0 for value in row):
            raise ValueError("weights must be finite and not negative")
        # Dividing by the largest first keeps the sum finite for any finite weights.
        largest = max(row)
        if largest <= 0:
            raise ValueError("at least one weight must be above 0")
        row = [value / largest for value in row]
        total = math.fsum(row)
        return cls(tuple(value / total for value in row))

    @classmethod
    def mean(cls, many: Iterable[EmotionScores]) -> EmotionScores:
        """The element-wise mean.

        Raises:
            ValueError: there are no distributions.
        """
        columns = zip(*(scores.values for scores in many), strict=True)
        sums = zip(Emotion, map(math.fsum, columns), strict=False)  # none without distributions
        return cls.from_weights(dict(sums))

    def __getitem__(self, emotion: Emotion) -> float:
        return self.values[_POSITION[emotion]]

    @property
    def dominant(self) -> Emotion:
        """The emotion with the highest score; on a tie the one named first in ``Emotion``."""
        return self.ranked()[0][0]

    def ranked(self) -> list[tuple[Emotion, float]]:
        """All of them with their scores, highest first; ties keep the order of ``Emotion``."""
        return sorted(zip(Emotion, self.values, strict=True), key=lambda item: -item[1])


_POSITION = {emotion: position for position, emotion in enumerate(Emotion)}
