"""The runs that made the shipped weights, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Recipe:
    """Configuration of one training run.

    Attributes:
        widths, depths, dropout: The network, see `network.EmotionNet`; without widths it is the
            face network of `mobilenet.FaceMobileNet`.
        end: Channels of the last two blocks of the face network. Where they are fewer than those of
            the network that the run starts from, its weakest channels are left out.
        phases: (epochs, side of the views) in order; small views first allow more epochs (Howard
            2018, progressive resizing; Tan and Le 2021, EfficientNetV2).
        seed: Seed of weights, draws and views.
        batch, rate, decay, momentum: SGD with Nesterov momentum for heads and vectors.
        muon: Peak step of `optim.Muon` for the body of the network.
        adamw: Peak rate of AdamW, which trains everything where it is not 0.
        horizon: Epochs that the rate's schedule spans. More than the run's own stop it at a high
            rate, for other runs to start from; 0 means the run's own.
        warmup: Share of the run in which the rate rises; it falls to zero along a cosine after.
        balance: Power of `data.sampling_weights`.
        rare_bonus: See `data.soft_targets`.
        majority_share: See `data.soft_targets`.
        fer_share: Weight of the FER2013 head's loss.
        strengths: Strengths of `augment.Augment`, used in turn, one per batch.
        ema: Decay of the averaged weights per step.
        mix: Share of the batches whose views are blended in pairs (Zhang et al. 2018, "mixup").
        frozen: First layers of the face network that are not trained; seven of 27 take much of the
            time of a step and have the least left to learn.
        start: Finished runs whose weighted mean starts this one, with their shares.
        teachers: Finished runs, or means of some, whose mean score of a view is its label (Hinton
            et al. 2015, "Distilling the knowledge"; Beyer et al. 2022, "A good teacher is patient
            and consistent"), each with its share.
        teacher_weight: Weight of the teachers' scores against the labels of the data.
        unlabelled: Faces without labels in every batch. If there are any, the batches are those of
            `far.FarBatches`, whose teacher is what the run starts from where no others are named.
        teacher_temperature: Of the scores of those teachers.
    """

    phases: tuple[tuple[int, int], ...]
    seed: int
    widths: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()
    dropout: float = 0.2
    end: int = 1024
    batch: int = 128
    rate: float = 0.1
    decay: float = 5e-4
    momentum: float = 0.9
    muon: float = 0.03
    adamw: float = 0.0
    horizon: int = 0
    warmup: float = 0.15
    balance: float = 0.4
    rare_bonus: tuple[float, float] = (2.0, 2.0)
    majority_share: float = 0.0
    fer_share: float = 0.2
    strengths: tuple[float, ...] = (1.0,)
    ema: float = 0.998
    mix: float = 0.0
    frozen: int = 0
    start: Mapping[str, float] = field(default_factory=dict)
    teachers: tuple[tuple[Mapping[str, float], float], ...] = ()
    teacher_weight: float = 0.8
    unlabelled: int = 0
    teacher_temperature: float = 1.0

    @property
    def epochs(self) -> int:
        """Epochs in all phases."""
        return sum(epochs for epochs, _ in self.phases)

    def size(self, epoch: int) -> int:
        """Side of the views in an epoch counted from 0."""
        for epochs, size in self.phases:
            if epoch < epochs:
                return size
            epoch -= epochs
        return self.phases[-1][1]


RECIPES = {
    "trunk": Recipe(
        widths=(64, 128, 256),
        depths=(2, 3, 2),
        phases=((5, 32), (3, 40)),
        horizon=14,
        seed=1,
        muon=0.03,
        rate=0.05,
    ),
    "branch-1": Recipe(
        widths=(64, 128, 256),
        depths=(2, 3, 2),
        phases=((19, 48),),
        seed=3,
        muon=0.02,
        rate=0.035,
        balance=0.4,
        rare_bonus=(4.0, 2.0),
        majority_share=0.5,
        strengths=(0.75,),
        dropout=0.1,
        warmup=0.04,
        start={"trunk": 1.0},
    ),
}
RECIPES["branch-2"] = replace(RECIPES["branch-1"], seed=4, balance=0.5, strengths=(0.6,))
RECIPES["face-1"] = Recipe(
    phases=((4, 113), (2, 137)),
    seed=11,
    batch=64,
    adamw=5e-4,
    rare_bonus=(4.0, 2.0),
    majority_share=0.4,
    strengths=(0.8,),
    dropout=0.3,
    warmup=0.08,
)
RECIPES["face-2"] = replace(
    RECIPES["face-1"],
    phases=((2, 113), (4, 161)),
    seed=13,
    balance=0.5,
    strengths=(1.0,),
)

_SOUP = {"branch-1": 0.3, "branch-2": 0.7}
"""The best mean of both branches; the shares were chosen on the tuning slice."""

RECIPES["face-3"] = replace(
    RECIPES["face-1"],
    phases=((6, 193),),
    seed=31,
    adamw=4e-4,
    balance=0.45,
    fer_share=0.1,
    strengths=(0.9,),
    warmup=0.05,
    mix=0.5,
    start={"face-1": 1.0},
    teachers=(({"face-1": 1.0}, 0.25), ({"face-2": 1.0}, 0.4), (_SOUP, 0.35)),
    teacher_weight=0.7,
)
RECIPES["face-4"] = replace(
    RECIPES["face-3"],
    phases=((6, 161),),
    seed=61,
    adamw=3e-4,
    start={"face-3": 1.0},
    teachers=(({"face-3": 1.0}, 0.65), (_SOUP, 0.35)),
    teacher_weight=0.75,
)
RECIPES["face-5"] = replace(RECIPES["face-4"], seed=62)

RECIPES["student-1"] = Recipe(
    widths=(64, 128, 256),
    depths=(2, 3, 2),
    phases=((16, 48),),
    seed=21,
    muon=0.02,
    rate=0.03,
    balance=0.45,
    rare_bonus=(4.0, 2.0),
    majority_share=0.4,
    fer_share=0.1,
    strengths=(0.9,),
    dropout=0.05,
    warmup=0.06,
    mix=0.5,
    start=_SOUP,
    teachers=RECIPES["face-3"].teachers,
)
RECIPES["student-2"] = replace(
    RECIPES["student-1"],
    phases=((6, 48),),
    seed=22,
    muon=0.009,
    rate=0.0135,
    warmup=0.0,
    start={"student-1": 1.0},
)
RECIPES["narrow"] = replace(
    RECIPES["student-1"],
    widths=(48, 96, 192),
    depths=(2, 3, 3),
    phases=((40, 48),),
    seed=23,
    start={},
)

_FACES = {"face-4": 0.5, "face-5": 0.5}
_STUDENTS = {"student-1": 0.5, "student-2": 0.5}

RECIPES["face-6"] = replace(
    RECIPES["face-4"],
    phases=((20, 161),),
    seed=71,
    adamw=4e-4,
    warmup=0.03,
    ema=0.999,
    strengths=(0.4, 0.65, 0.9),
    frozen=7,
    start=_FACES,
    teachers=(({"face-3": 1.0}, 0.3), (_FACES, 0.3), (_STUDENTS, 0.2), ({"narrow": 1.0}, 0.2)),
)

RECIPES["face-7"] = replace(
    RECIPES["face-6"],
    phases=((6, 161),),
    seed=81,
    adamw=2.5e-4,
    warmup=0.04,
    balance=0.8,
    mix=0.3,
    start={"face-6": 1.0},
    teachers=(),
    teacher_weight=0.7,
    unlabelled=12,
    teacher_temperature=0.5,
)

RECIPES["face-8"] = replace(
    RECIPES["face-7"],
    phases=((8, 129),),
    seed=91,
    adamw=3e-4,
    frozen=3,
    start={"face-6": 0.5, "face-7": 0.5},
    teacher_temperature=0.6,
)

RECIPES["face-9"] = replace(
    RECIPES["face-8"],
    seed=101,
    end=512,
    start={"face-8": 1.0},
    teachers=((RECIPES["face-8"].start, 0.5), ({"face-8": 1.0}, 0.5)),
)

RECIPES["small-1"] = replace(
    RECIPES["face-9"],
    widths=(48, 96, 192),
    depths=(2, 3, 3),
    phases=((30, 48),),
    seed=121,
    batch=96,
    unlabelled=20,
    rate=0.04,
    muon=0.025,
    adamw=0.0,
    dropout=0.05,
    warmup=0.05,
    frozen=0,
    start={},
    teachers=(
        (RECIPES["face-8"].start, 1 / 3),
        ({"face-8": 1.0}, 1 / 3),
        ({"face-9": 1.0}, 1 / 3),
    ),
    teacher_weight=0.8,
)
"""Begins at random, without the weights that come from VGGFace2; not shipped, see `RUNS.md`."""

SHIPPED = {"face-9": 1.0}
"""Runs whose weighted mean is shipped."""

TAU = 0.75
"""Share of the training split's log prior that is subtracted from the logits; see `shifts.md`."""

TEMPERATURE = 1.4
"""What the logits are divided by afterwards, beside the temperature of the export."""

VERSION = "3.6.0"
