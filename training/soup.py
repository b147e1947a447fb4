"""Averages runs that began at the same weights into one network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from .augment import Augment
from .data import Faces
from .network import EmotionNet
from .recipes import RECIPES
from .train import load_network


def soup(names: Sequence[str], runs: Path, fit: Faces, batches: int = 40) -> EmotionNet:
    """The mean of the averaged weights of several runs, ready for evaluation.

    Runs that start from one network and part ways end in one basin, and their mean is better than
    each (Wortsman et al. 2022, "Model soups"). The statistics of the batch normalisation are not
    linear in the weights and are measured afresh.

    Args:
        names: Finished runs of one architecture and one start.
        runs: Folder of the runs.
        fit: Crops to measure the statistics on.
        batches: Batches of 256 views for it.
    """
    networks = [load_network(RECIPES[name], runs / name) for name in names]
    states = [network.state_dict() for network in networks]
    mean = {
        key: torch.stack([state[key].float() for state in states]).mean(0).to(value.dtype)
        for key, value in states[0].items()
    }
    network = networks[0]
    network.load_state_dict(mean)
    if len(names) > 1:
        _refresh(network, fit, batches)
    return network.eval()


@torch.no_grad()
def _refresh(network: EmotionNet, fit: Faces, batches: int) -> None:
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a plain mean over the batches
    augment = Augment(strength=0.5, seed=11)
    order = torch.randperm(len(fit), generator=torch.Generator().manual_seed(11))
    images = torch.from_numpy(fit.images)
    for step in range(batches):
        index = order[step * 256 : (step + 1) * 256]
        views = augment(images[index]).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            network(views)
