"""Labels of data sets and checkpoints, mapped to the seven emotions."""

import pytest

from adapters.inference.labels import UnknownLabels, emotion_of, outputs_of_emotions
from domain.emotion import Emotion


@pytest.mark.parametrize(
    ("label", "emotion"),
    [
        ("Happiness", Emotion.HAPPY),
        ("joy", Emotion.HAPPY),
        ("SADNESS", Emotion.SAD),
        ("anger", Emotion.ANGRY),
        ("disgusted", Emotion.DISGUST),
        ("Fearful", Emotion.FEAR),
        ("scared", Emotion.FEAR),
        ("surprised", Emotion.SURPRISE),
        (" calm ", Emotion.NEUTRAL),
    ],
)
def test_synonyms_are_understood_in_any_case(label: str, emotion: Emotion) -> None:
    assert emotion_of(label) is emotion


def test_outputs_are_mapped_in_any_order() -> None:
    labels = ("sad", "disgust", "angry", "neutral", "fear", "surprise", "happy")
    found = outputs_of_emotions(labels)
    assert [labels[position] for (position,) in found] == list(Emotion)


def test_contempt_is_left_out_and_synonyms_share_an_emotion() -> None:
    labels = ("calm", "anger", "contempt", "disgust", "fear", "joy", "neutral", "sad", "surprise")
    assert outputs_of_emotions(labels) == ((5,), (7,), (1,), (3,), (4,), (8,), (0, 6))


def test_unknown_labels_are_named() -> None:
    with pytest.raises(UnknownLabels, match="LABEL_0, LABEL_1 is unknown"):
        outputs_of_emotions(["LABEL_0", "LABEL_1"])


def test_an_emotion_without_a_label_is_named() -> None:
    with pytest.raises(UnknownLabels, match="no label means disgust, fear"):
        outputs_of_emotions(["happy", "sad", "angry", "surprise", "neutral"])
