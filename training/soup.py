"""Averages runs that began at the same weights into one network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from .network import EmotionNet
from .recipes import RECIPES
from .train import load_network


def soup(names: Sequence[str], runs: Path) -> EmotionNet:
    """The mean of the averaged weights of several runs, in evaluation mode.

    Runs that start from one network and part ways end in one basin, and their mean is as good as
    the mean of their answers for the price of one (Wortsman et al. 2022, "Model soups"). The
    statistics of the batch normalisation are averaged like the weights: measuring them afresh on
    crops drawn as they come, rather than balanced as in training, shifts scores away from neutral
    (see RUNS.md).

    Args:
        names: Finished runs of one architecture and one start.
        runs: Folder of the runs.
    """
    networks = [load_network(RECIPES[name], runs / name) for name in names]
    states = [network.state_dict() for network in networks]
    mean = {
        key: torch.stack([state[key].float() for state in states]).mean(0).to(value.dtype)
        for key, value in states[0].items()
    }
    network = networks[0]
    network.load_state_dict(mean)
    return network.eval()
