"""Batches for other crowds: views as far as the shifts, and faces without labels.

What the teachers say of a crop as it is, is the label of every view of the crop, however far (Q.
Xie et al., "Self-training with noisy student improves ImageNet classification", 2020). Where a
recipe names none, the network that the run starts from is its teacher.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from adapters.inference.crops import cut_crop
from adapters.inference.executor import WorkExecutor
from adapters.inference.model import softmax
from adapters.inference.shifts import FRAMINGS, LENSES, LIGHTS, SHIFTS, Crop, Render
from adapters.onnx.classifier import OnnxCropClassifier
from adapters.onnx.face_detector import OnnxFaceDetector
from application.ports.face_detector import WantedFaces
from domain.image import Image
from training.faces.data import load as load_photos

from .augment import Augment
from .batches import Batch, blend
from .data import EMOTIONS, Faces, sampling_weights, soft_targets
from .network import predict
from .recipes import Recipe
from .restore import soup

log = logging.getLogger(__name__)

UNSEEN = ("moved", "cut off at a side, 12 to 30 %", "colour cast before gray", "several at once")
"""Shifts that no view has, so that the suite still measures something that was not trained on."""
_SEVERAL = 0.25
_EACH_OF_SEVERAL = 0.75
_NEAR_STRENGTH, _MILD_STRENGTH = 0.65, 0.4
_MILD = 0.7
_MIN_FACE_PX, _MIN_CONFIDENCE = 36, 0.75


class FarBatches:
    """The batches of a run that starts from a finished one, epoch by epoch.

    Args:
        recipe: Configuration.
        fit: Crops to train on.
        unlabelled: uint8 (M, 48, 48), crops without labels.
        runs: Where the run that this one starts from is kept.
    """

    def __init__(
        self, recipe: Recipe, fit: Faces, unlabelled: npt.NDArray[np.uint8], runs: Path
    ) -> None:
        targets, weights = soft_targets(fit, recipe.rare_bonus, recipe.majority_share)
        self._recipe = recipe
        self._labelled = recipe.batch - recipe.unlabelled
        self._odds = sampling_weights(targets, recipe.balance)
        self._targets, self._weights = torch.from_numpy(targets), torch.from_numpy(weights)
        self._fer = F.one_hot(torch.from_numpy(fit.fer2013), len(EMOTIONS)).float()
        self._images, self._unlabelled = fit.images, unlabelled
        named = recipe.teachers or ((recipe.start, 1.0),)
        teachers = [(soup(shares, runs), share) for shares, share in named]
        self._scores = _said_of(fit.images, teachers, recipe.teacher_temperature)
        self._unlabelled_scores = _said_of(unlabelled, teachers, recipe.teacher_temperature)
        self._unlabelled_odds = sampling_weights(self._unlabelled_scores.numpy(), 0.5)

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self._images) // self._labelled

    def epoch(self, number: int, side: int) -> Iterator[Batch]:
        """The batches of an epoch counted from 0, with views of `side` pixels: 48."""
        assert side == self._images.shape[1]
        rng = np.random.default_rng([self._recipe.seed, number])
        near = Augment(_NEAR_STRENGTH, self._recipe.seed * 1000 + number)
        far = _FarViews(rng, self._recipe.seed * 1000 + number + 500)
        for _ in range(len(self)):
            rows = rng.choice(len(self._images), self._labelled, p=self._odds, replace=False)
            others = rng.choice(
                len(self._unlabelled), self._recipe.unlabelled, p=self._unlabelled_odds
            )
            crops = np.concatenate([self._images[rows], self._unlabelled[others]])
            is_far = rng.random(len(crops)) < 0.5
            views = torch.empty(len(crops), 1, side, side)
            views[~is_far] = near(torch.from_numpy(crops[~is_far]), side)
            views[is_far] = torch.from_numpy(far(crops[is_far]))[:, None].float()
            scores = torch.cat([self._scores[rows], self._unlabelled_scores[others]])
            none = torch.zeros(len(others), len(EMOTIONS))
            # Without a label of its own, a face is labelled by the teacher alone.
            targets = torch.cat([self._targets[rows], scores[len(rows) :]])
            weights = torch.cat([self._weights[rows], torch.ones(len(others))])
            fer = torch.cat([self._fer[rows], none])
            if rng.random() < self._recipe.mix:
                views, targets, weights, fer, scores = blend(views, targets, weights, fer, scores)
            yield Batch(views, targets, weights, fer, scores)


class _FarViews:
    """Renders crops under shifts drawn at random: mostly one, sometimes one of each group."""

    def __init__(self, rng: np.random.Generator, seed: int) -> None:
        self._rng = rng
        self._mild = Augment(_MILD_STRENGTH, seed)
        self._single = [SHIFTS[name] for name in SHIFTS if name not in UNSEEN]
        self._groups = [
            [render for name, render in group.items() if name not in UNSEEN]
            for group in (FRAMINGS, LIGHTS, LENSES)
        ]

    def __call__(self, crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Views (N, 48, 48) of crops (N, 48, 48)."""
        if self._rng.random() < _MILD:
            views = self._mild(torch.from_numpy(crops), crops.shape[1])
            crops = views[:, 0].round().to(torch.uint8).numpy()
        elif self._rng.random() < 0.5:
            crops = crops[:, :, ::-1]
        return np.stack([self._render(crop[..., np.newaxis])[..., 0] for crop in crops])

    def _render(self, crop: Crop) -> Crop:
        for change in self._changes():
            crop = change(crop, self._rng).reshape(crop.shape)
        return crop

    def _changes(self) -> list[Render]:
        if self._rng.random() >= _SEVERAL:
            return [self._single[self._rng.integers(len(self._single))]]
        return [
            group[self._rng.integers(len(group))]
            for group in self._groups
            if self._rng.random() < _EACH_OF_SEVERAL
        ]


def _said_of(
    images: npt.NDArray[np.uint8],
    teachers: Sequence[tuple[torch.nn.Module, float]],
    temperature: float,
) -> Tensor:
    """The teachers' mean scores (N, 7) of crops as they are and of their mirror images."""
    mean = np.zeros((len(images), len(EMOTIONS)))
    for teacher, share in teachers:
        for each in (images, images[:, :, ::-1]):
            mean += share / 2 * softmax(predict(teacher, each) / temperature)
    return torch.from_numpy(mean).float()


def crops_of_photos(folder: Path, cache: Path) -> npt.NDArray[np.uint8]:
    """The faces of the photographs that the face detector is trained on, cut as the service does.

    Args:
        folder: As for `training.faces`.
        cache: Folder for the decoded pixels.

    Returns:
        uint8 (M, 48, 48).
    """
    photos = load_photos(folder, "fit", cache)
    executor = WorkExecutor(1)
    detector = OnnxFaceDetector(executor=executor)
    spec = OnnxCropClassifier().crop_spec
    wanted = WantedFaces(_MIN_FACE_PX, _MIN_CONFIDENCE)
    crops = []
    for photo in tqdm(photos, desc="cutting faces", mininterval=20):
        if photo.kind != "face":
            continue
        height, width = photo.pixels.shape[:2]
        image = Image(photo.pixels, width, height, "image/webp")
        found = detector.detect_now(image, wanted)
        crops += [cut_crop(image, face, spec, detector.framing)[..., 0] for face in found]
    executor.close()
    log.info("%d faces without labels", len(crops))
    return np.stack(crops)
