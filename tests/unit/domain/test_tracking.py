from domain.emotion import Emotion, EmotionScores
from domain.geometry import BoundingBox
from domain.tracking import FaceTrack, ScoreSmoother


def mostly(emotion: Emotion, score: float = 0.9) -> EmotionScores:
    rest = (1 - score) / 6
    return EmotionScores.from_weights({e: score if e is emotion else rest for e in Emotion})


def test_a_track_is_named_by_its_number() -> None:
    assert FaceTrack(3, BoundingBox(0, 0, 10, 10), 0.9).track_id == "face_3"


def test_the_first_reading_is_not_smoothed() -> None:
    assert ScoreSmoother(5).smooth(mostly(Emotion.SAD)).dominant is Emotion.SAD


def test_small_fluctuations_are_averaged() -> None:
    smoother = ScoreSmoother(4)
    for score in (0.5, 0.6, 0.5, 0.6):
        smoothed = smoother.smooth(mostly(Emotion.HAPPY, score))
    assert abs(smoothed[Emotion.HAPPY] - 0.55) < 1e-9


def test_one_odd_frame_does_not_show() -> None:
    smoother = ScoreSmoother(5)
    shown = [Emotion.HAPPY] * 4 + [Emotion.ANGRY] + [Emotion.HAPPY] * 4
    assert {smoother.smooth(mostly(emotion)).dominant for emotion in shown} == {Emotion.HAPPY}


def test_an_expression_that_stays_shows_in_its_second_frame() -> None:
    smoother = ScoreSmoother(30)
    for _ in range(30):
        smoother.smooth(mostly(Emotion.NEUTRAL))
    assert smoother.smooth(mostly(Emotion.SURPRISE)).dominant is Emotion.NEUTRAL
    second = smoother.smooth(mostly(Emotion.SURPRISE))
    assert second.dominant is Emotion.SURPRISE
    assert second[Emotion.SURPRISE] > 0.89


def test_flicker_between_two_expressions_stays_averaged() -> None:
    smoother = ScoreSmoother(6)
    for i in range(20):
        smoothed = smoother.smooth(mostly(Emotion.FEAR if i % 2 else Emotion.SURPRISE))
    assert 0.4 < smoothed[Emotion.FEAR] < 0.6


def test_a_window_of_one_smooths_nothing() -> None:
    smoother = ScoreSmoother(1)
    smoother.smooth(mostly(Emotion.HAPPY))
    smoothed = smoother.smooth(mostly(Emotion.SAD))
    assert abs(smoothed[Emotion.SAD] - 0.9) < 1e-9
