"""The losses of the face detector: which cell is matched with which face, and its targets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_CELLS_A_FACE = 6
_MIDDLE = 0.3
"""How far from the middle of a face, in shares of its size, a matched cell may be."""
_BOX_SCORE = 0.2
"""Score of the teacher from which its box and landmarks are targets as well."""
_FACE_SCORE = 0.5
"""Score from which the teacher counts as having found a face."""
_LEVELS = ((8.0, 0.0, 64.0), (16.0, 28.0, 136.0), (32.0, 64.0, 1e9))
"""Stride, and the sizes of faces (root of the area, pixels) that are matched with its cells."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The labels of a batch of N images, all in one list.

    Attributes:
        image: int64 (T,), the image of each label.
        boxes: float32 (T, 4), left, top, right, bottom in pixels.
        landmarks: float32 (T, 5, 2).
        seen: float32 (T, 5), 1 for landmarks that lie in the image.
        is_face: bool (T,); False for a region that is left out of the loss.
        teacher: float32 (N, A, 15), the teacher's answer for each cell (`teacher.Teacher`).
    """

    image: Tensor
    boxes: Tensor
    landmarks: Tensor
    seen: Tensor
    is_face: Tensor
    teacher: Tensor


@dataclass(frozen=True, slots=True)
class Losses:
    """The losses of a batch, each a scalar."""

    score: Tensor
    box: Tensor
    landmarks: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum that training minimises."""
        return self.score + 2.0 * self.box + 0.5 * self.landmarks


def losses(cells: Tensor, points: Tensor, strides: Tensor, targets: Targets) -> Losses:
    """Compare the cells of a batch with the teacher's answers and with the labels.

    Where the teacher finds a face, its score, box and landmarks are the targets of each cell.
    Labelled faces that it misses in this view (they were found in a better one) are matched with
    the cells that predict them best so far (C. Feng et al., "TOOD: task-aligned one-stage object
    detection", 2021). Cells far from their target weigh more (X. Li et al., "Generalized focal
    loss", 2020).

    Args:
        cells: float32 (N, A, 15), as `network.FaceNet` gives them.
        points: float32 (A, 2), the cells' centres in pixels.
        strides: float32 (A,).
        targets: The labels.
    """
    logits = cells[..., 0]
    boxes = _boxes(cells, points)
    with torch.no_grad():
        score, teacher_score = logits.sigmoid(), targets.teacher[..., 0]
        missed = targets.is_face & ~_found_by_teacher(teacher_score, points, targets)
        face, cell, share = _match(score, boxes, points, strides, targets, missed)
        image = targets.image[face]
        target = teacher_score.clone()
        target[image, cell] = torch.maximum(target[image, cell], share)
        weight = target + (score - target).abs() ** 1.5
        weight[_left_out(points, targets, len(cells)) & (target < _FACE_SCORE)] = 0.0
        # Box and landmarks are learned from the teacher's cells, and from the faces it missed.
        in_image, at = torch.nonzero(
            (teacher_score >= _BOX_SCORE) & (target == teacher_score), as_tuple=True
        )
        answers = targets.teacher[in_image, at]
        share = torch.cat([teacher_score[in_image, at], share])
        wanted = torch.cat([_boxes(answers, points[at]), targets.boxes[face]])
        landmarks = torch.cat(
            [points[at][:, None] + answers[:, 5:].reshape(-1, 5, 2), targets.landmarks[face]]
        )
        seen = torch.cat([torch.ones(len(in_image), 5, device=cells.device), targets.seen[face]])
        image, cell = torch.cat([in_image, image]), torch.cat([at, cell])
        total = target.sum().clamp_min(1.0)
    bce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    score_loss = (bce * weight).sum() / total
    box_loss = ((1 - giou(boxes[image, cell], wanted)) * share).sum() / total
    size = (wanted[:, 2:] - wanted[:, :2]).prod(-1).clamp_min(1).sqrt()
    found = points[cell][:, None] + cells[image, cell, 5:].reshape(-1, 5, 2)
    off = (found - landmarks) / size[:, None, None]
    each = F.smooth_l1_loss(off, torch.zeros_like(off), beta=0.05, reduction="none").sum(-1)
    landmark_loss = (each * seen * share[:, None]).sum() / total
    return Losses(score_loss, box_loss, landmark_loss)


def _boxes(cells: Tensor, points: Tensor) -> Tensor:
    return torch.cat([points - cells[..., 1:3], points + cells[..., 3:5]], -1)


def _found_by_teacher(scores: Tensor, points: Tensor, targets: Targets) -> Tensor:
    """Which labels (T,) the teacher finds, by its scores in the middle of each."""
    middle = (targets.boxes[:, :2] + targets.boxes[:, 2:])[:, None] / 2
    reach = ((targets.boxes[:, 2:] - targets.boxes[:, :2]) * _MIDDLE).clamp_min(6)[:, None]
    inside = ((points - middle).abs() <= reach).all(-1)
    return (scores[targets.image] * inside).amax(-1) >= _FACE_SCORE


def _match(
    scores: Tensor,
    boxes: Tensor,
    points: Tensor,
    strides: Tensor,
    targets: Targets,
    among: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of a face (its row in the targets) and a cell, and the target score of the cell."""
    rows = torch.nonzero(among)[:, 0]
    image, wanted = targets.image[rows], targets.boxes[rows][:, None]  # F, 1, 4
    middle = (wanted[..., :2] + wanted[..., 2:]) / 2
    extent = wanted[..., 2:] - wanted[..., :2]
    reach = torch.maximum(extent * _MIDDLE, 0.75 * strides[:, None])
    allowed = ((points - middle).abs() <= reach).all(-1)  # F, A
    size = extent.prod(-1).clamp_min(1e-6).sqrt()
    fits = torch.zeros_like(allowed)
    for stride, least, most in _LEVELS:
        fits |= (strides == stride) & (size >= least) & (size < most)
    allowed &= fits
    overlap = _iou(boxes[image], wanted) * allowed
    fitness = (scores[image] + 1e-3).sqrt() * overlap**3 + 1e-9 * allowed
    best, cell = fitness.topk(_CELLS_A_FACE, -1)
    chosen = torch.zeros_like(allowed).scatter_(-1, cell, best > 0)
    # A cell that matches several faces goes to the one that its box overlaps most.
    claim = (overlap + 1e-6) * chosen
    strongest = torch.zeros_like(scores).index_reduce_(0, image, claim, "amax")
    chosen &= claim >= strongest[image]
    fitness = fitness * chosen
    # The target of the best cell is 1, however hard the face. With the overlap as the target, as in
    # VarifocalNet, scores of small faces would stay low, because their boxes never fit well.
    target = (fitness / fitness.amax(-1, keepdim=True).clamp_min(1e-12)).sqrt()
    face, cell = torch.nonzero(chosen, as_tuple=True)
    return rows[face], cell, target[face, cell]


def _left_out(points: Tensor, targets: Targets, images: int) -> Tensor:
    """Cells (N, A) without a target: on doubtful faces, and on faces too small to learn."""
    rows = torch.nonzero(~targets.is_face)[:, 0]
    return cells_within(targets.boxes[rows], targets.image[rows], points, images, margin=4)


def cells_within(
    boxes: Tensor, image: Tensor, points: Tensor, images: int, *, margin: float = 0.0
) -> Tensor:
    """Which cells lie in one of the boxes of their image.

    Args:
        boxes: float32 (B, 4), left, top, right, bottom in pixels.
        image: int64 (B,), the image of each box.
        points: float32 (A, 2), the cells' centres in pixels.
        images: N.
        margin: Pixels around each box that belong to it.

    Returns:
        bool (N, A).
    """
    box = boxes[:, None]
    inside = (points > box[..., :2] - margin).all(-1) & (points < box[..., 2:] + margin).all(-1)
    count = torch.zeros(images, len(points), device=points.device)
    return count.index_add_(0, image, inside.float()) > 0


def _areas(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    corner = torch.maximum(one[..., :2], other[..., :2])
    opposite = torch.minimum(one[..., 2:], other[..., 2:])
    shared = (opposite - corner).clamp_min(0).prod(-1)
    area = (one[..., 2:] - one[..., :2]).prod(-1) + (other[..., 2:] - other[..., :2]).prod(-1)
    return shared, area - shared


def _iou(one: Tensor, other: Tensor) -> Tensor:
    shared, union = _areas(one, other)
    return shared / union.clamp_min(1e-6)


def giou(one: Tensor, other: Tensor) -> Tensor:
    """H. Rezatofighi et al., "Generalized intersection over union", 2019."""
    shared, union = _areas(one, other)
    corner = torch.minimum(one[..., :2], other[..., :2])
    opposite = torch.maximum(one[..., 2:], other[..., 2:])
    hull = (opposite - corner).prod(-1).clamp_min(1e-6)
    return shared / union.clamp_min(1e-6) - (hull - union) / hull
