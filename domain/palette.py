"""The colour of each emotion, wherever one is drawn: in images, in timelines and on the page."""

from __future__ import annotations

from collections.abc import Mapping

from domain.emotion import Emotion

EMOTION_COLOURS: Mapping[Emotion, str] = {
    Emotion.HAPPY: "#F0E442",
    Emotion.SAD: "#56B4E9",
    Emotion.ANGRY: "#D55E00",
    Emotion.DISGUST: "#009E73",
    Emotion.FEAR: "#CC79A7",
    Emotion.SURPRISE: "#E69F00",
    Emotion.NEUTRAL: "#BBBBBB",
}
"""The palette of Okabe and Ito (2008, "Color Universal Design"), which people with any common form
of colour blindness can distinguish. Neutral is grey.
"""
