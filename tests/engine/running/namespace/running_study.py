"""A study in memory: the few calls of `Study` that runs use, over random volumes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from sagittal.facts import Label, LabelSetFacts, ScanFacts, StudyFacts


class FakeStudy:
    """Three small scans with one truth label each."""

    def __init__(self, folder: Path, scans: int = 3) -> None:
        self.folder = folder
        self.runs_folder = folder / "runs"
        self.cache_folder = folder / "cache"
        self.runs_folder.mkdir(parents=True, exist_ok=True)
        self.read_only, self.why_read_only = False, "Another Sagittal has it."
        truth = LabelSetFacts("truth", (Label(1, "organ", "#E69F00"),))
        self._scans = {
            f"{n:016x}": ScanFacts(
                scan=f"{n:016x}", name=f"scan {n}", subject=f"s{n}", path="", kind="nifti", shape=(12, 10, 6),
                spacing=(1.0, 1.0, 2.0), orientation="RAS", label_sets=(truth,),
            )
            for n in reversed(range(1, scans + 1))
        }  # fmt: skip
        self.closed = False
        self.plans = []
        self.written = []

    def facts(self):
        return StudyFacts(str(self.folder), "fake", tuple(self._scans.values()), self.read_only, self.why_read_only)

    def scan(self, scan):
        return self._scans[scan]

    def volume(self, scan):
        data = np.random.default_rng(int(scan, 16)).normal(size=(12, 10, 6)).astype(np.float32)
        return SimpleNamespace(data=data, affine=np.eye(4), spacing=(1.0, 1.0, 2.0))

    def masks(self, scan, label_set):
        mask = np.zeros((12, 10, 6), bool)
        mask[4:8, 4:8, 1:5] = True
        return {"organ": mask}

    def find(self, name):
        return next(s for s in self._scans.values() if name in (s.scan, s.name))

    def support_plans(self, scan=None):
        return [plan for plan in self.plans if scan in (None, plan.scan)]

    def write_prediction(self, *written):
        self.written.append(written)

    def close(self):
        self.closed = True
