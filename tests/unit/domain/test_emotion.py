import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.emotion import Emotion, EmotionScores

# Every finite weight, the smallest and the largest floats included.
weights = st.dictionaries(
    st.sampled_from(Emotion), st.floats(min_value=0, allow_nan=False, allow_infinity=False)
).filter(lambda mapping: any(value > 0 for value in mapping.values()))
scores = weights.map(EmotionScores.from_weights)


@given(weights)
def test_any_finite_weights_become_probabilities_that_sum_to_one(
    mapping: dict[Emotion, float],
) -> None:
    result = EmotionScores.from_weights(mapping)
    assert len(result.values) == len(Emotion)
    assert all(0 <= value <= 1 for value in result.values)
    assert math.fsum(result.values) == pytest.approx(1, abs=1e-9)


@given(weights)
def test_normalising_keeps_the_order_of_the_weights(mapping: dict[Emotion, float]) -> None:
    result = EmotionScores.from_weights(mapping)
    for one in Emotion:
        for other in Emotion:
            if mapping.get(one, 0.0) <= mapping.get(other, 0.0):
                assert result[one] <= result[other]


@given(scores)
def test_normalising_probabilities_changes_nothing(before: EmotionScores) -> None:
    after = EmotionScores.from_weights(dict(zip(Emotion, before.values, strict=True)))
    assert after.values == pytest.approx(before.values, abs=1e-12)


@pytest.mark.parametrize(
    "row", [{}, {Emotion.SAD: 0.0}, {Emotion.SAD: -0.1}, {Emotion.SAD: math.nan}]
)
def test_weights_without_a_positive_sum_are_refused(row: dict[Emotion, float]) -> None:
    with pytest.raises(ValueError, match="weight"):
        EmotionScores.from_weights(row)


def test_an_infinite_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        EmotionScores.from_weights({Emotion.FEAR: math.inf})


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ((0.5, 0.5), "7 scores"),
        ((1.2, -0.2, 0, 0, 0, 0, 0), r"\[0, 1\]"),
        ((math.nan, 1, 0, 0, 0, 0, 0), r"\[0, 1\]"),
        ((0.5, 0.4, 0, 0, 0, 0, 0), "sum to 1"),
    ],
)
def test_values_that_are_not_a_distribution_are_refused(
    values: tuple[float, ...], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        EmotionScores(values)


@given(scores)
def test_ranking_lists_all_seven_by_falling_score(result: EmotionScores) -> None:
    ranked = result.ranked()
    assert {emotion for emotion, _ in ranked} == set(Emotion)
    assert [score for _, score in ranked] == sorted(result.values, reverse=True)
    assert all(result[emotion] == score for emotion, score in ranked)
    assert result.dominant == ranked[0][0]
    assert result[result.dominant] == max(result.values)


@given(st.lists(scores, min_size=1, max_size=20))
def test_a_mean_lies_between_the_smallest_and_the_largest(many: list[EmotionScores]) -> None:
    mean = EmotionScores.mean(many)
    for emotion in Emotion:
        column = [one[emotion] for one in many]
        assert min(column) - 1e-6 <= mean[emotion] <= max(column) + 1e-6


@given(scores, st.integers(1, 20))
def test_the_mean_of_the_same_scores_is_those_scores(one: EmotionScores, times: int) -> None:
    assert EmotionScores.mean([one] * times).values == pytest.approx(one.values, abs=1e-9)


def test_a_mean_takes_any_iterable() -> None:
    happy = EmotionScores.from_weights({Emotion.HAPPY: 1})
    sad = EmotionScores.from_weights({Emotion.SAD: 1})
    mean = EmotionScores.mean(each for each in (happy, sad))
    assert (mean[Emotion.HAPPY], mean[Emotion.SAD]) == (0.5, 0.5)


def test_the_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        EmotionScores.mean([])
