"""Scans of which everybody can solve the puzzle, and a context that remembers what was said."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from lent import Lent


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass
class Scan:
    """Brightness grows down the rows and, more slowly, along the columns: each cell tells its place."""

    id: str
    subject: str
    depth: int = 6
    meta: dict = field(default_factory=dict)
    nan_slice: int | None = None
    spacing: tuple = (1.0, 1.0, 1.0)

    def image(self):
        rng = np.random.default_rng(int(self.id))
        x, y = np.meshgrid(np.arange(48), np.arange(48), indexing="ij")
        plane = (3 * (47 - y) // 16 * 3 + (47 - x) // 16).astype(np.float32)
        volume = np.repeat(plane[..., None], self.depth, axis=2) + rng.random((48, 48, self.depth), dtype=np.float32)
        if self.nan_slice is not None:
            volume[:, :, self.nan_slice] = np.nan
        return volume

    def labels(self):
        return {}


@pytest.fixture
def scan():
    return Scan


@pytest.fixture
def lent(tmp_path):
    return lambda scans: Lent(tmp_path, scans)
