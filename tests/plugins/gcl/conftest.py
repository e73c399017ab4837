"""A handful of scans with attributes, and what the engine lends a method, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from lent import Lent

from sagittal.params import make
from sagittal_plugins.gcl import GCLParams
from sagittal_plugins.gcl.method import GCL

SMALL = {
    "encoder": "unet_8", "image_size": 32, "hidden_dim": 8, "out_dim": 6, "pixel_dim": 4, "batch_size": 8, "steps": 20,
    "anchors": 2, "negatives": 5, "held_out": 0.0, "meta_labels": "subject, slice_quantile, phase",
    "precision": "float32", "learning_rate": 0.01,
}  # fmt: skip


@dataclass
class Scan:
    id: str
    subject: str
    meta: dict = field(default_factory=dict)
    spacing: tuple = (1.0, 1.0, 1.0)
    depth: int = 6

    def image(self):
        return np.random.default_rng(int(self.id)).random((20, 18, self.depth)).astype(np.float32)

    def labels(self):
        mask = np.zeros((20, 18, self.depth), bool)
        mask[5:9, 5:9, :2] = True
        return {"organ": mask}


@pytest.fixture
def scans():
    """Four subjects, each at two phases; the last scan has no phase."""
    made = [Scan(str(n), f"s{n // 2}", {"phase": "ES" if n % 2 else "ED", "scanner": "A"}) for n in range(8)]
    del made[-1].meta["phase"]
    return made


@pytest.fixture
def gcl(tmp_path, scans):
    """A prepared method with few and small images; keywords change parameters, `of` the scans."""

    def build(kind=GCL, of=None, **values):
        torch.set_num_threads(1)
        method = kind(make(GCLParams, {**SMALL, **values}), Lent(tmp_path, scans if of is None else of))
        method.prepare()
        return method

    return build
