"""FER2013 crops with FER+ votes: loading, label mapping, and the split held out for tuning."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

LABEL_MAPPING: dict[str, str | None] = {
    "happiness": "happy",
    "sadness": "sad",
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "surprise": "surprise",
    "neutral": "neutral",
    "contempt": None,
    "unknown": None,
    "nf": None,
}
"""FER+ columns to emotions; those without one are left out and the rest renormalised."""
EMOTIONS = tuple(emotion for emotion in LABEL_MAPPING.values() if emotion is not None)
"""The seven emotions in the order of the network's outputs."""

_VOTE_COLUMNS = [column for column, emotion in LABEL_MAPPING.items() if emotion is not None]
_OTHER_COLUMNS = [column for column, emotion in LABEL_MAPPING.items() if emotion is None]
_SIDE = 48
_PER_ROW = 300
_TUNING_SHARE = 0.06
_RARE = (EMOTIONS.index("disgust"), EMOTIONS.index("fear"))


@dataclass(frozen=True)
class Faces:
    """Labelled crops.

    Attributes:
        images: uint8 (N, 48, 48), grey levels.
        votes: float32 (N, 7), FER+ votes in the order of `EMOTIONS`.
        others: float32 (N, 3), votes for contempt, unknown and "not a face".
        fer2013: int64 (N,), the original FER2013 class as an index into `EMOTIONS`.
    """

    images: npt.NDArray[np.uint8]
    votes: npt.NDArray[np.float32]
    others: npt.NDArray[np.float32]
    fer2013: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Faces:
        """The crops selected by an index or a mask."""
        return Faces(self.images[index], self.votes[index], self.others[index], self.fer2013[index])


def load(folder: Path, split: str) -> Faces:
    """Reads one split ("train" or "valid") from its mosaic and the label table."""
    mosaic = cv2.imread(str(folder / f"faces_{split}.webp"), cv2.IMREAD_GRAYSCALE)
    if mosaic is None:
        raise FileNotFoundError(folder / f"faces_{split}.webp")
    with (folder / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    rows.sort(key=lambda row: int(row["index"]))
    height, width = mosaic.shape
    tiles = mosaic.reshape(height // _SIDE, _SIDE, width // _SIDE, _SIDE).swapaxes(1, 2)
    index = np.array([int(row["index"]) for row in rows])
    images = tiles[index // _PER_ROW, index % _PER_ROW]
    return Faces(
        images=np.ascontiguousarray(images, dtype=np.uint8),
        votes=np.array([[row[c] for c in _VOTE_COLUMNS] for row in rows], np.float32),
        others=np.array([[row[c] for c in _OTHER_COLUMNS] for row in rows], np.float32),
        fer2013=np.array([EMOTIONS.index(row["fer2013"]) for row in rows], np.int64),
    )


def majority(faces: Faces) -> npt.NDArray[np.int64]:
    """FER+ majority label, seven classes; -1 where the crowd did not agree.

    A single vote for an emotion counts as noise. A crop is kept when its largest vote over all ten
    columns is one of the seven emotions and holds more than half of the remaining emotion votes
    (contempt included), the rule of Barsoum et al. 2016 restricted to seven classes.
    """
    emotion = np.concatenate([faces.votes, faces.others[:, :1]], axis=1)
    emotion = np.where(emotion <= 1, 0, emotion)
    every = np.concatenate([emotion, faces.others[:, 1:]], axis=1)
    top = every.argmax(axis=1)
    agreed = (top < len(EMOTIONS)) & (every.max(axis=1) * 2 > emotion.sum(axis=1))
    return np.where(agreed, top, -1).astype(np.int64)


def balanced_sample(faces: Faces) -> Faces:
    """The first 100 faces of each emotion that the crowd agreed on, or all where fewer."""
    labels = majority(faces)
    chosen = [np.flatnonzero(labels == emotion)[:100] for emotion in range(len(EMOTIONS))]
    return faces.take(np.sort(np.concatenate(chosen)))


def usable(faces: Faces) -> npt.NDArray[np.bool_]:
    """Mask of crops worth training on: not "not a face", and four votes for the emotions."""
    total: npt.NDArray[np.float32] = faces.votes.sum(axis=1)
    return (total >= 4) & (faces.others[:, 2] < total)


def soft_targets(
    faces: Faces, rare_bonus: tuple[float, float] = (2.0, 2.0), majority_share: float = 0.0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Label distributions and sample weights.

    Contempt, unknown and "not a face" are dropped and the rest renormalised; a crop weighs as much
    as its share of emotion votes. The crowd hardly ever agrees on disgust and fear (0.4 % and 2 %
    of the majorities), so where the FER2013 annotator said one of these and at least one of
    the crowd agrees, that class gets more votes.

    Args:
        faces: Labelled crops.
        rare_bonus: Votes added for confirmed disgust and fear.
        majority_share: Weight of the agreed majority, as one-hot, against the distribution. The
            mean vote says what share of the crowd says "disgust"; the scores are read as the
            chance that most of it does.

    Returns:
        targets float32 (N, 7), rows summing to 1; weights float32 (N,) in 0..1.
    """
    # A lone vote against a clear crowd is noise, as in the FER+ paper, but a lone vote for a
    # rare class that FER2013 confirms is not.
    votes = np.where(faces.votes <= 1, 0.5 * faces.votes, faces.votes)
    for rare, bonus in zip(_RARE, rare_bonus, strict=True):
        confirmed = (faces.fer2013 == rare) & (faces.votes[:, rare] >= 1)
        votes[confirmed, rare] = faces.votes[confirmed, rare] + bonus
    total = votes.sum(axis=1, keepdims=True)
    targets = votes / np.maximum(total, 1e-6)
    label = majority(faces)
    agreed = label >= 0
    targets[agreed] *= 1 - majority_share
    targets[agreed, label[agreed]] += majority_share
    share = faces.votes.sum(axis=1)
    weights = share / np.maximum(share + faces.others.sum(axis=1), 1e-6)
    return targets.astype(np.float32), weights.astype(np.float32)


def sampling_weights(targets: npt.NDArray[np.float32], power: float) -> npt.NDArray[np.float64]:
    """Probability of drawing each crop: class frequency to the power of `-power`.

    0 draws as the data is, 1 balances the classes, 0.5 is the square-root sampling of Mahajan et
    al. 2018 ("Exploring the limits of weakly supervised pretraining").
    """
    prior = targets.mean(axis=0, dtype=np.float64)
    weights: npt.NDArray[np.float64] = targets @ (prior**-power)
    return np.asarray(weights / weights.sum(), np.float64)


def tuning_split(faces: Faces) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Splits the training crops into (fit, tune), stratified by the largest vote.

    Temperature, logit biases and quality thresholds are chosen on `tune`, so that the validation
    split is measured and nothing is fitted to it. One crop in seven of the training split has a
    near copy in it; those are left out of `tune`, where they would be recognised, not judged.
    """
    rng = np.random.default_rng(7)
    strongest = faces.votes.argmax(axis=1)
    tune = np.zeros(len(faces), bool)
    for label in range(len(EMOTIONS)):
        members = rng.permutation(np.flatnonzero(strongest == label))
        tune[members[: round(_TUNING_SHARE * len(members))]] = True
    fit = np.flatnonzero(~tune)
    fresh = ~copies(faces.images[tune], faces.images[fit])
    return fit, np.flatnonzero(tune)[fresh]


def copies(
    images: npt.NDArray[np.uint8], others: npt.NDArray[np.uint8], least: float = 0.95
) -> npt.NDArray[np.bool_]:
    """Which of `images` (N, 48, 48) correlate with one of `others` at 12 x 12 pixels, bool (N,)."""

    def small(crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        means = crops.reshape(-1, 12, 4, 12, 4).mean(axis=(2, 4)).reshape(-1, 144)
        means -= means.mean(axis=1, keepdims=True)
        norm = np.linalg.norm(means, axis=1, keepdims=True)
        return np.asarray(means / np.maximum(norm, 1e-6), np.float32)

    result: npt.NDArray[np.bool_] = (small(images) @ small(others).T).max(axis=1) > least
    return result
