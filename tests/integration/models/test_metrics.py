"""Metrics, compared with values computed by hand."""

import numpy as np
import pytest

from adapters.inference.metrics import (
    accuracy,
    balancing_weights,
    calibration_error,
    called_neutral,
    class_metrics,
    confusion_matrix,
    macro_mean,
)

# Five faces, three classes; the answers are 0, 0, 1, 0, 1.
LABELS = np.array([0, 0, 1, 1, 1])
PROBABILITIES = np.array(
    [[0.9, 0.1, 0.0], [0.5, 0.3, 0.2], [0.2, 0.8, 0.0], [0.6, 0.4, 0.0], [0.1, 0.9, 0.0]]
)


def test_the_confusion_matrix_has_labels_in_rows_and_answers_in_columns() -> None:
    assert confusion_matrix(PROBABILITIES, LABELS).tolist() == [[2, 0, 0], [1, 2, 0], [0, 0, 0]]


def test_accuracy_recall_precision_and_f1() -> None:
    confusion = confusion_matrix(PROBABILITIES, LABELS)
    first, second, absent = class_metrics(confusion)
    assert accuracy(confusion) == pytest.approx(4 / 5)
    assert (first.recall, first.precision, first.f1) == pytest.approx((1, 2 / 3, 4 / 5))
    assert (second.recall, second.precision, second.f1) == pytest.approx((2 / 3, 1, 4 / 5))
    assert (absent.count, absent.recall, absent.precision, absent.f1) == (0, None, None, None)


def test_a_class_without_labels_is_left_out_of_the_macro_mean() -> None:
    figures = class_metrics(np.array([[3, 1], [0, 0]]))
    assert macro_mean([each.recall for each in figures]) == pytest.approx(3 / 4)


def test_a_class_that_is_never_answered_counts_as_zero() -> None:
    figures = class_metrics(np.array([[2, 0], [2, 0]]))
    assert figures[1].precision is None
    assert macro_mean([each.f1 for each in figures]) == pytest.approx((4 / 6 + 0) / 2)


def test_the_calibration_error_is_the_mean_distance_of_score_and_accuracy() -> None:
    # Two bins. Up to 0.5: one face, score 0.5, right. Above: four faces of mean score 0.8, three
    # of them right. So 1/5 x |0.5 - 1| + 4/5 x |0.8 - 0.75| = 0.14.
    assert calibration_error(PROBABILITIES, LABELS, bins=2) == pytest.approx(0.14)


def test_confident_and_right_is_perfectly_calibrated() -> None:
    assert calibration_error(np.eye(7), np.arange(7)) == 0


def test_confident_and_wrong_has_the_largest_calibration_error() -> None:
    assert calibration_error(np.eye(7), (np.arange(7) + 1) % 7) == 1


def test_balancing_weights_give_every_class_the_same() -> None:
    assert balancing_weights(LABELS) == pytest.approx([1 / 4, 1 / 4, 1 / 6, 1 / 6, 1 / 6])


def test_the_calibration_error_can_weigh_classes_equally() -> None:
    # Up to 0.5: 1/4 x (1 - 0.5). Above: scores 0.9, 0.8, 0.6 and 0.9, of which the third is wrong.
    above = 1 / 4 * (0.9 - 1) + 1 / 6 * (0.8 - 1) + 1 / 6 * 0.6 + 1 / 6 * (0.9 - 1)
    error = calibration_error(PROBABILITIES, LABELS, bins=2, weights=balancing_weights(LABELS))
    assert error == pytest.approx(1 / 8 + abs(above))


def test_called_neutral_weighs_expressions_equally_and_ignores_neutral_faces() -> None:
    confusion = np.zeros((7, 7), np.int64)
    confusion[0, [0, 6]] = 9, 1
    confusion[1, [1, 6]] = 1, 1
    confusion[6, 6] = 50
    assert called_neutral(confusion) == pytest.approx((0.1 + 0.5) / 2)
    confusion[:6] = 0
    assert called_neutral(confusion) is None
