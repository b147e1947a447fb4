"""The words for the emotions in data sets and in labels of checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from domain.emotion import Emotion

# Besides the emotion's own word.
_SYNONYMS = {
    Emotion.HAPPY: "happiness joy joyful smile",
    Emotion.SAD: "sadness",
    Emotion.ANGRY: "anger",
    Emotion.DISGUST: "disgusted",
    Emotion.FEAR: "fearful scared afraid",
    Emotion.SURPRISE: "surprised",
    Emotion.NEUTRAL: "neutrality calm",
}
_EMOTIONS = {emotion.value: emotion for emotion in Emotion} | {
    word: emotion for emotion, words in _SYNONYMS.items() for word in words.split()
}
# Some data sets have contempt as well, which is not an emotion of this service.
_LEFT_OUT = {"contempt", "contemptuous"}


class UnknownLabels(ValueError):
    """Labels that cannot be read as the emotions of this service; the message names them."""


class BadLabels(ValueError):
    """A file of labelled faces or boxes cannot be used; the message says what is wrong with it."""


def emotion_of(label: str) -> Emotion | None:
    """The emotion a label names, whatever its case; None if it names none."""
    return _EMOTIONS.get(label.strip().lower())


def outputs_of_emotions(labels: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Which outputs of a network belong to each emotion.

    Contempt is left out. Two labels may name the same emotion ("calm" and "neutral"); their
    probabilities have to be added then.

    Args:
        labels: of the network's outputs, in their order.

    Returns:
        For each emotion, in the order of ``Emotion``, at least one position in ``labels``.

    Raises:
        UnknownLabels: a label is unknown, or an emotion has no label.
    """
    found: dict[Emotion, list[int]] = {emotion: [] for emotion in Emotion}
    unknown = []
    for position, label in enumerate(labels):
        emotion = emotion_of(label)
        if emotion is not None:
            found[emotion].append(position)
        elif label.strip().lower() not in _LEFT_OUT:
            unknown.append(label)
    missing = [emotion.value for emotion, positions in found.items() if not positions]
    if unknown or missing:
        faults = []
        if unknown:
            faults.append(f"{', '.join(unknown)} is unknown")
        if missing:
            faults.append(f"no label means {', '.join(missing)}")
        raise UnknownLabels(
            f"the labels {', '.join(labels)} cannot be mapped to the {len(Emotion)} emotions: "
            + "; ".join(faults)
        )
    return tuple(tuple(positions) for positions in found.values())
