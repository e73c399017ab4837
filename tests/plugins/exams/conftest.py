"""Exams whose label can be seen: a bright block in the middle slices of those that have it."""

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
class Exam:
    id: str
    subject: str
    meta: dict = field(default_factory=dict)
    spacing: tuple = (1.0, 1.0, 4.0)
    depth: int = 6

    def image(self):
        rng = np.random.default_rng(int(self.id))
        volume = rng.random((24, 24, self.depth), dtype=np.float32)
        if self.meta.get("acl") == "1":
            volume[8:14, 8:14, 1:-1] += 4
        return volume

    def labels(self):
        return {}


@pytest.fixture
def exam():
    return Exam


@pytest.fixture
def lent(tmp_path):
    return lambda scans: Lent(tmp_path, scans)
