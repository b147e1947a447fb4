"""Which cells speak of which face, and what they are told."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_CELLS_A_FACE = 6
_MIDDLE = 0.3
"""How far from the middle of a face, in shares of its size, a cell may speak of it."""
_TOLD = 0.2
"""Score of the teacher from which its box and landmarks are followed."""
_SURE = 0.5
"""Score from which the teacher counts as having seen a face."""
_LEVELS = ((8.0, 0.0, 64.0), (16.0, 28.0, 136.0), (32.0, 64.0, 1e9))
"""Stride, and the sizes of the faces (root of the area, pixels) that its cells may speak of."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The labels of a batch of N pictures, all in one list.

    Attributes:
        picture: int64 (T,), which picture a label belongs to.
        boxes: float32 (T, 4), left, top, right, bottom in pixels.
        landmarks: float32 (T, 5, 2).
        seen: float32 (T, 5), 1 for landmarks that lie in the picture.
        is_face: bool (T,); False for a place to leave out of the loss.
        teacher: float32 (N, A, 15), the teacher's answer for each cell (`teacher.Teacher`).
    """

    picture: Tensor
    boxes: Tensor
    landmarks: Tensor
    seen: Tensor
    is_face: Tensor
    teacher: Tensor


@dataclass(frozen=True, slots=True)
class Losses:
    """What a batch costs; each a scalar."""

    score: Tensor
    box: Tensor
    landmarks: Tensor

    @property
    def total(self) -> Tensor:
        """What training makes smaller."""
        return self.score + 2.0 * self.box + 0.5 * self.landmarks


def losses(cells: Tensor, points: Tensor, strides: Tensor, targets: Targets) -> Losses:
    """Compare the cells of a batch with the teacher's answers and with the labels.

    Where the teacher sees something, it tells each cell its score, box and landmarks. Labelled
    faces that it misses in this view (they were found in a better one) are matched with cells by
    how well these already do (C. Feng et al., "TOOD: task-aligned one-stage object detection",
    2021). Cells far from their goal weigh more (X. Li et al., "Generalized focal loss", 2020).

    Args:
        cells: float32 (N, A, 15), as `network.FaceNet` gives them.
        points: float32 (A, 2), the cells' centres in pixels.
        strides: float32 (A,).
        targets: The labels.
    """
    logits = cells[..., 0]
    boxes = _boxes(cells, points)
    with torch.no_grad():
        score, taught = logits.sigmoid(), targets.teacher[..., 0]
        missed = targets.is_face & ~_seen_by_teacher(taught, points, targets)
        face, cell, share = _match(score, boxes, points, strides, targets, missed)
        picture = targets.picture[face]
        goal = taught.clone()
        goal[picture, cell] = torch.maximum(goal[picture, cell], share)
        weight = goal + (score - goal).abs() ** 1.5
        weight[_left_out(points, targets, len(cells)) & (goal < _SURE)] = 0.0
        # Pairs that teach box and landmarks: of the teacher, and of the faces it missed.
        near, at = torch.nonzero((taught >= _TOLD) & (goal == taught), as_tuple=True)
        told = targets.teacher[near, at]
        share = torch.cat([taught[near, at], share])
        wanted = torch.cat([_boxes(told, points[at]), targets.boxes[face]])
        landmarks = torch.cat(
            [points[at][:, None] + told[:, 5:].reshape(-1, 5, 2), targets.landmarks[face]]
        )
        seen = torch.cat([torch.ones(len(near), 5), targets.seen[face]])
        picture, cell = torch.cat([near, picture]), torch.cat([at, cell])
        total = goal.sum().clamp_min(1.0)
    bce = F.binary_cross_entropy_with_logits(logits, goal, reduction="none")
    score_loss = (bce * weight).sum() / total
    box_loss = ((1 - _giou(boxes[picture, cell], wanted)) * share).sum() / total
    size = (wanted[:, 2:] - wanted[:, :2]).prod(-1).clamp_min(1).sqrt()
    found = points[cell][:, None] + cells[picture, cell, 5:].reshape(-1, 5, 2)
    off = (found - landmarks) / size[:, None, None]
    each = F.smooth_l1_loss(off, torch.zeros_like(off), beta=0.05, reduction="none").sum(-1)
    landmark_loss = (each * seen * share[:, None]).sum() / total
    return Losses(score_loss, box_loss, landmark_loss)


def _boxes(cells: Tensor, points: Tensor) -> Tensor:
    return torch.cat([points - cells[..., 1:3], points + cells[..., 3:5]], -1)


def _seen_by_teacher(taught: Tensor, points: Tensor, targets: Targets) -> Tensor:
    """Labels (T,) in whose middle the teacher is sure of something."""
    middle = (targets.boxes[:, :2] + targets.boxes[:, 2:])[:, None] / 2
    reach = ((targets.boxes[:, 2:] - targets.boxes[:, :2]) * _MIDDLE).clamp_min(6)[:, None]
    inside = ((points - middle).abs() <= reach).all(-1)
    return (taught[targets.picture] * inside).amax(-1) >= _SURE


def _match(
    scores: Tensor,
    boxes: Tensor,
    points: Tensor,
    strides: Tensor,
    targets: Targets,
    among: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of a face (its row in the targets) and a cell, and the score the cell should have."""
    rows = torch.nonzero(among)[:, 0]
    picture, wanted = targets.picture[rows], targets.boxes[rows][:, None]  # F, 1, 4
    middle = (wanted[..., :2] + wanted[..., 2:]) / 2
    extent = wanted[..., 2:] - wanted[..., :2]
    reach = torch.maximum(extent * _MIDDLE, 0.75 * strides[:, None])
    allowed = ((points - middle).abs() <= reach).all(-1)  # F, A
    size = extent.prod(-1).clamp_min(1e-6).sqrt()
    fits = torch.zeros_like(allowed)
    for stride, least, most in _LEVELS:
        fits |= (strides == stride) & (size >= least) & (size < most)
    allowed &= fits
    overlap = _iou(boxes[picture], wanted) * allowed
    fitness = (scores[picture] + 1e-3).sqrt() * overlap**3 + 1e-9 * allowed
    best, cell = fitness.topk(_CELLS_A_FACE, -1)
    chosen = torch.zeros_like(allowed).scatter_(-1, cell, best > 0)
    # A cell that several faces ask for goes to the one it overlaps most.
    claim = (overlap + 1e-6) * chosen
    strongest = torch.zeros_like(scores).index_reduce_(0, picture, claim, "amax")
    chosen &= claim >= strongest[picture]
    fitness = fitness * chosen
    # The best cell is to be sure, however hard the face: told the overlap instead, as VarifocalNet
    # does, it would be unsure of all small faces, whose boxes never fit well.
    goal = (fitness / fitness.amax(-1, keepdim=True).clamp_min(1e-12)).sqrt()
    face, cell = torch.nonzero(chosen, as_tuple=True)
    return rows[face], cell, goal[face, cell]


def _left_out(points: Tensor, targets: Targets, pictures: int) -> Tensor:
    """Cells (N, A) whose place says nothing: doubtful faces, and faces too small to be taught."""
    rows = torch.nonzero(~targets.is_face)[:, 0]
    boxes = targets.boxes[rows][:, None]
    inside = (points > boxes[..., :2] - 4).all(-1) & (points < boxes[..., 2:] + 4).all(-1)
    count = torch.zeros(pictures, len(points))
    return count.index_add_(0, targets.picture[rows], inside.float()) > 0


def _areas(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    corner = torch.maximum(one[..., :2], other[..., :2])
    opposite = torch.minimum(one[..., 2:], other[..., 2:])
    shared = (opposite - corner).clamp_min(0).prod(-1)
    area = (one[..., 2:] - one[..., :2]).prod(-1) + (other[..., 2:] - other[..., :2]).prod(-1)
    return shared, area - shared


def _iou(one: Tensor, other: Tensor) -> Tensor:
    shared, union = _areas(one, other)
    return shared / union.clamp_min(1e-6)


def _giou(one: Tensor, other: Tensor) -> Tensor:
    """H. Rezatofighi et al., "Generalized intersection over union", 2019."""
    shared, union = _areas(one, other)
    corner = torch.minimum(one[..., :2], other[..., :2])
    opposite = torch.maximum(one[..., 2:], other[..., 2:])
    hull = (opposite - corner).prod(-1).clamp_min(1e-6)
    return shared / union.clamp_min(1e-6) - (hull - union) / hull
