"""How scores and durations are written for people.

The page's ``format.js`` writes scores in the same way.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from domain.emotion import EmotionScores
from domain.face import Face

CLOSE_SCORES = 0.1  # Two best scores that lie nearer to each other are both named.


def percent(score: float) -> str:
    """A score in [0, 1] as a whole percentage; ``<1%`` and ``>99%``, never a false 0 or 100."""
    if score < 0.01:
        return "<1%"
    if score > 0.99:
        return ">99%"
    return f"{score:.0%}"


def leading(scores: EmotionScores) -> str:
    """The emotion with the highest score; the two best where they are close: "sad or neutral"."""
    (first, score), (second, second_score), *_ = scores.ranked()
    return f"{first} or {second}" if score - second_score < CLOSE_SCORES else str(first)


def counted(faces: Iterable[Face]) -> list[tuple[str, int]]:
    """Each emotion that leads in a face and the number of those faces, the most frequent first."""
    return [
        (str(emotion), number)
        for emotion, number in Counter(face.dominant_emotion for face in faces).most_common()
    ]


def duration_in_words(seconds: int) -> str:
    """A duration in one unit; rounded up where that changes little."""
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        # People say 24 hours and not 1 day.
        is_one = seconds == size and name != "day"
        is_several = seconds >= 2 * size and (seconds % size == 0 or seconds >= 10 * size)
        if is_one or is_several:
            return _with_unit(math.ceil(seconds / size), name)
    return _with_unit(seconds, "second")


def _with_unit(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
