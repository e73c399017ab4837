"""A tiny trained network for adapters, in double precision, and a predictor around it."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from tiny_predictor import TinyPredictor, adopt, trained_network


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def network():
    return trained_network()


@pytest.fixture
def images():
    """Three colour pictures of 16² pixels, of another brightness than those that the network was trained on."""
    return 0.3 + 0.5 * torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


@pytest.fixture
def targets(images):
    return (images[:, :2] > 0.55).double()


@pytest.fixture
def adopted(network):
    """name, parameters → (adapter, its own network), with the trained network left alone."""

    def make_one(name, *, activation="sigmoid", net=None, **values):
        return adopt(name, TinyPredictor(activation), copy.deepcopy(net or network), values)

    return make_one
