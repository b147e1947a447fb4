"""How scores are written for people, here and on the page; and how durations are."""

import json
import subprocess
from pathlib import Path

import pytest

from adapters.in_memory import reading_of
from domain.emotion import Emotion, EmotionScores
from domain.face import Face, FaceDetection
from domain.geometry import BoundingBox
from domain.wording import counted, duration_in_words, leading, percent
from tests.servers.npm import node

FORMAT_JS = Path(__file__).parents[3] / "entrypoints" / "web" / "static" / "js" / "format.js"
SCORES = (0.0, 0.004, 0.0099, 0.01, 0.5, 0.9, 0.99, 0.9901, 0.9999, 1.0)


def scores(**weights: float) -> EmotionScores:
    return EmotionScores.from_weights({Emotion(name): weight for name, weight in weights.items()})


@pytest.mark.parametrize(
    ("score", "told"),
    [(1.0, ">99%"), (0.996, ">99%"), (0.99, "99%"), (0.504, "50%"), (0.01, "1%"), (0.003, "<1%")],
)
def test_no_score_is_written_as_0_or_100_percent(score: float, told: str) -> None:
    assert percent(score) == told


def test_two_best_scores_that_are_close_are_both_named() -> None:
    assert leading(scores(sad=0.46, neutral=0.42, happy=0.12)) == "sad or neutral"
    assert leading(scores(sad=0.56, neutral=0.42, happy=0.02)) == "sad"


def test_faces_are_counted_by_dominant_emotion() -> None:
    found = FaceDetection(BoundingBox(10, 20, 80, 90), 0.9)
    shown = [Emotion.NEUTRAL, Emotion.HAPPY, Emotion.HAPPY]
    faces = [Face(found, reading_of(emotion, found)) for emotion in shown]
    assert counted(faces) == [("happy", 2), ("neutral", 1)]


def test_the_page_writes_scores_in_the_same_way() -> None:
    pairs = [scores(sad=0.46, neutral=0.42, happy=0.12), scores(sad=0.9, fear=0.1)]
    faces = [
        {"emotions": [{"emotion": str(name), "score": score} for name, score in each.ranked()]}
        for each in pairs
    ]
    script = f"""
        import {{ percent, words }} from {json.dumps(FORMAT_JS.as_uri())};
        const told = [{json.dumps(SCORES)}.map(percent), {json.dumps(faces)}.map(words)];
        console.log(JSON.stringify(told));
    """
    done = subprocess.run(
        [node(), "--input-type=module", "--eval", script],
        capture_output=True,
        text=True,
        check=True,
    )
    told, named = json.loads(done.stdout)
    assert [each.replace("\u00a0", "") for each in told] == [percent(each) for each in SCORES]
    assert named == [leading(each) for each in pairs]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (86_400, "24 hours"),
        (86_000, "24 hours"),
        (172_800, "2 days"),
        (604_800, "7 days"),
        (31_536_000, "365 days"),
    ],
)
def test_durations_are_written_in_words(seconds: int, words: str) -> None:
    assert duration_in_words(seconds) == words
