"""Measuring a classifier on labelled face crops."""

from __future__ import annotations

import statistics
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.inference.crops import CropSpec
from adapters.inference.labels import BadLabels, emotion_of
from adapters.inference.metrics import (
    BINS,
    accuracy,
    balancing_weights,
    calibration_error,
    called_neutral,
    class_metrics,
    confusion_matrix,
    macro_mean,
)
from adapters.inference.model import CropClassifier
from adapters.inference.shifts import SHIFTS, render
from application.evaluation import Evaluation, ShiftMetrics
from domain.emotion import Emotion

_BATCH = 32
_TIMED_ALONE = 50
# What NumPy and zipfile raise for damage, a password, an unknown compression, and a header that
# announces more than fits into memory.
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    BadZipFile,
    zlib.error,
    RuntimeError,
    MemoryError,
)


@dataclass(frozen=True, slots=True)
class LabelledFaces:
    """Face crops and their labels.

    Attributes:
        images: uint8, N x height x width grey or N x height x width x 3 RGB; N is at least 1.
        labels: N positions in ``Emotion``.
        left_out: labels that name none of the emotions, and how many rows have each.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def crops(self, spec: CropSpec, start: int, stop: int) -> NDArray[np.uint8]:
        """Some of the images as a classifier reads them; see ``CropClassifier.predict``."""
        return np.stack([_as_crop(image, spec) for image in self.images[start:stop]])


def read_labelled_faces(path: Path) -> LabelledFaces:
    """Read a NumPy archive with arrays ``images`` and ``labels``.

    Rows whose label names none of the emotions are left out and counted.

    Raises:
        BadLabels: the file or an array is not what it should be, or no label is an emotion.
    """
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise BadLabels(f"{path} holds one array; an .npz file with two is needed")
        with archive:
            arrays = {name: _array(archive, name, path) for name in ("images", "labels")}
    except FileNotFoundError:
        raise BadLabels(f"{path} does not exist") from None
    except BadLabels:
        raise
    except _UNREADABLE as error:
        raise BadLabels(f"{path} is not a readable .npz file: {error}") from error
    images, labels = arrays["images"], arrays["labels"]
    if images.dtype != np.uint8 or not (
        images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)
    ):
        raise BadLabels(
            "images must be uint8 of shape (N, height, width) for grey or (N, height, width, 3) "
            f"for RGB; they are {images.dtype} of shape {images.shape}"
        )
    if images.size == 0:
        raise BadLabels("images is empty")
    if labels.shape != (len(images),):
        raise BadLabels(
            f"labels must have shape ({len(images)},), one for each image; it has {labels.shape}"
        )
    positions, left_out = _positions(labels)
    if left_out:
        images, positions = images[positions >= 0], positions[positions >= 0]
    return LabelledFaces(images.astype(np.uint8, copy=False), positions, left_out)


def evaluate(
    model: CropClassifier, faces: LabelledFaces, on_faces: Callable[[int], None]
) -> Evaluation:
    """Compare the answers of a classifier with the labels of faces.

    The images are face crops already: each is only resized to what the classifier reads.

    Args:
        model: to be measured.
        faces: what it reads.
        on_faces: called after every batch with the number of faces read so far.
    """
    spec, total = model.crop_spec, len(faces.labels)
    model.predict(faces.crops(spec, 0, 1))  # the first run of a network is slower
    scores, seconds = [], []
    for start in range(0, total, _BATCH):
        crops = faces.crops(spec, start, start + _BATCH)
        began = time.perf_counter()
        scores.append(model.predict(crops))
        seconds.append((time.perf_counter() - began) / len(crops))
        on_faces(min(start + _BATCH, total))
    probabilities = np.concatenate(scores)
    confusion = confusion_matrix(probabilities, faces.labels)
    per_class = class_metrics(confusion)
    return Evaluation(
        card=model.card,
        faces=total,
        left_out=faces.left_out,
        accuracy=accuracy(confusion),
        macro_f1=macro_mean([each.f1 for each in per_class]),
        macro_recall=macro_mean([each.recall for each in per_class]),
        calibration_error=calibration_error(probabilities, faces.labels),
        calibration_bins=BINS,
        per_class=tuple(per_class),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        ms_per_face_alone=statistics.median(_times_alone(model, faces)) * 1000,
        ms_per_face_in_batches=statistics.median(seconds) * 1000,
        batch=_BATCH,
    )


def evaluate_shifts(
    model: CropClassifier, faces: LabelledFaces, on_faces: Callable[[int], None]
) -> tuple[ShiftMetrics, ...]:
    """Compare the answers of a classifier for faces as other cameras and framings would show them.

    Faces are rendered at the size that the classifier reads, so a shift is equally severe for
    faces of any size.

    Args:
        model: to be measured.
        faces: what it reads, once as they are and once under each of ``SHIFTS``.
        on_faces: called after every batch with the number of faces read so far, out of
            ``shifted_readings``.
    """
    shifts, answers = [], []
    done = 0
    for shift in (None, *SHIFTS):
        scores = []
        for start in range(0, len(faces.labels), _BATCH):
            crops = faces.crops(model.crop_spec, start, start + _BATCH)
            if shift is not None:
                crops = render(crops, shift, seed=start)
            scores.append(model.predict(crops))
            done += len(crops)
            on_faces(done)
        probabilities = np.concatenate(scores)
        shifts.append(_shift_metrics(shift or "as they are", probabilities, faces.labels))
        if shift is not None:
            answers.append(probabilities)
    together = np.concatenate(answers)
    labels = np.tile(faces.labels, len(answers))
    return (*shifts, _shift_metrics("all shifts", together, labels))


def shifted_readings(faces: LabelledFaces) -> int:
    """How many faces ``evaluate_shifts`` reads in all."""
    return len(faces.labels) * (1 + len(SHIFTS))


def _shift_metrics(
    shift: str, probabilities: NDArray[np.floating], labels: NDArray[np.int64]
) -> ShiftMetrics:
    confusion = confusion_matrix(probabilities, labels)
    return ShiftMetrics(
        shift=shift,
        accuracy=macro_mean([each.recall for each in class_metrics(confusion)]),
        calibration_error=calibration_error(
            probabilities, labels, weights=balancing_weights(labels)
        ),
        called_neutral=called_neutral(confusion),
    )


def _times_alone(model: CropClassifier, faces: LabelledFaces) -> Iterator[float]:
    for number in range(min(_TIMED_ALONE, len(faces.labels))):
        crop = faces.crops(model.crop_spec, number, number + 1)
        began = time.perf_counter()
        model.predict(crop)
        yield time.perf_counter() - began


def _as_crop(image: NDArray[np.uint8], spec: CropSpec) -> NDArray[np.uint8]:
    if image.ndim == 2 and spec.channels == 3:
        image = np.repeat(image[:, :, np.newaxis], 3, axis=2)
    elif image.ndim == 3 and spec.channels == 1:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    rows, columns = image.shape[:2]
    if (rows, columns) != (spec.height, spec.width):
        shrinks = rows >= spec.height and columns >= spec.width
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        resized = cv2.resize(image, (spec.width, spec.height), interpolation=way)
        image = np.asarray(resized, dtype=np.uint8)
    return image.reshape(spec.height, spec.width, spec.channels)


def _array(archive: np.lib.npyio.NpzFile, name: str, path: Path) -> NDArray[np.generic]:
    if name not in archive:
        held = ", ".join(archive.files) or "none"
        raise BadLabels(f"{path} has no array {name!r}; it has {held}")
    try:
        return np.asarray(archive[name])
    except ValueError:
        raise BadLabels(
            f"the array {name!r} holds Python objects, which are not read because they can run "
            "code; save labels as text, with labels.astype(str)"
        ) from None


def _positions(labels: NDArray[np.generic]) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Each label's position in ``Emotion`` or -1, and the count of each other word."""
    if labels.dtype.kind not in "US":
        raise BadLabels(
            f"labels must be words such as {', '.join(Emotion)}; they are {labels.dtype}"
        )
    order = {emotion: position for position, emotion in enumerate(Emotion)}
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels.astype(np.bytes_), "utf-8", "replace")
    counted = Counter(str(word) for word in labels.tolist())
    emotions = {word: emotion_of(word) for word in counted}
    left_out = {word: counted[word] for word in sorted(counted) if emotions[word] is None}
    if len(left_out) == len(counted):
        raise BadLabels(
            f"labels contains none of {', '.join(Emotion)}: {', '.join(list(left_out)[:10])}"
        )
    known = {word: order[emotion] for word, emotion in emotions.items() if emotion is not None}
    positions = [known.get(str(word), -1) for word in labels.tolist()]
    return np.array(positions, dtype=np.int64), left_out
