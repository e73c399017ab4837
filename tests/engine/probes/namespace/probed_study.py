"""A study in memory: nine subjects of six slices, two labels whose slices differ, two sites."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from sagittal.facts import Label, LabelSetFacts, ScanFacts, StudyFacts

SHAPE = (16, 16, 6)
LABELS = (Label(1, "front", "#E69F00"), Label(2, "back", "#56B4E9"))


def masks_of(number: int) -> dict[str, np.ndarray]:
    """ "front" on slices 0 to 2, "back" on slices 2 to 4; slice 5 holds none."""
    front, back = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    front[2:8, 2 + number % 3 : 9, 0:3] = True
    back[9:14, 4:12, 2:5] = True
    return {"front": front, "back": back}


class ProbedStudy:
    """What runs and tasks ask of `Study`, and no more. The last scan has no labels."""

    read_only = False

    def __init__(self, folder: Path, scans: int = 9, bare: int = 1) -> None:
        self.folder, self.runs_folder, self.cache_folder = folder, folder / "runs", folder / "cache"
        self.runs_folder.mkdir(parents=True)
        truth = (LabelSetFacts("truth", LABELS),)
        self._scans = {
            f"{n:016x}": ScanFacts(
                scan=f"{n:016x}", name=f"scan {n}", subject=f"s{n}", path="", kind="nifti", shape=SHAPE,
                spacing=(1.0, 1.0, 2.0), orientation="RAS", label_sets=() if n > scans - bare else truth,
                meta={"site": "north" if n % 2 else "south"},
            )
            for n in range(1, scans + 1)
        }  # fmt: skip

    def facts(self):
        return StudyFacts(str(self.folder), "probed", tuple(self._scans.values()))

    def scan(self, scan):
        return self._scans[scan]

    def find(self, name):
        return next(s for s in self._scans.values() if name in (s.scan, s.name))

    def volume(self, scan):
        number = int(scan, 16)
        data = np.random.default_rng(number).normal(scale=0.3, size=SHAPE)
        for level, mask in enumerate(masks_of(number).values(), start=1):
            data[mask] += 2 * level
        return SimpleNamespace(data=data.astype(np.float32))

    def masks(self, scan, label_set):
        return masks_of(int(scan, 16))
