"""A study in memory with four small scans: enough of a body for any method to find slices in."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from sagittal.facts import Label, LabelSetFacts, ScanFacts, StudyFacts
from sagittal.method import MethodCard
from sagittal.run_request import RunRequest

LABELS = (Label(1, "left", "#E69F00"), Label(2, "right", "#56B4E9"))
SHAPE, SPACING = (80, 72, 6), (4.0, 4.0, 7.7)


def volume_of(number: int) -> np.ndarray:
    """A bright ellipsoid with two organs and texture: enough of a body for any method to find slices in."""
    rng = np.random.default_rng(number)
    x, y, _ = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    image = 20 * rng.random(SHAPE)
    image[x**2 + y**2 < 0.8] += 150
    for mask, level in zip(masks_of(number).values(), (120, 220), strict=True):
        image[mask] += level
    return (image + 15 * np.sin(9 * x + number) * np.cos(7 * y)).astype(np.float32)


def masks_of(number: int) -> dict[str, np.ndarray]:
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    shift = 0.05 * (number % 3)
    return {
        "left": ((x + 0.4) / 0.25) ** 2 + ((y - shift) / 0.35) ** 2 + (z / 0.9) ** 2 < 1,
        "right": ((x - 0.4) / 0.2) ** 2 + ((y + shift) / 0.3) ** 2 + (z / 0.8) ** 2 < 1,
    }


class TinyStudy:
    """Four scans of two subjects and two domains, in memory: what runs ask of `Study`, and no more."""

    read_only = False

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs_folder, self.cache_folder = folder, folder / "runs", folder / "cache"
        self.runs_folder.mkdir(parents=True)
        truth = LabelSetFacts("truth", LABELS)
        self._scans = {
            f"{n:016x}": ScanFacts(
                scan=f"{n:016x}", name=f"scan {n}", subject=f"subject {n // 2}", path="", kind="nifti", shape=SHAPE,
                spacing=SPACING, orientation="RAS", label_sets=(truth,),
                meta={"domain": f"scanner {n % 2}", "subject": f"subject {n // 2}", "state": str(n % 2)},
            )
            for n in range(4)
        }  # fmt: skip

    def facts(self):
        return StudyFacts(str(self.folder), "tiny", tuple(self._scans.values()))

    def scan(self, scan):
        return self._scans[scan]

    def volume(self, scan):
        return SimpleNamespace(data=volume_of(int(scan, 16)))

    def masks(self, scan, label_set):
        return masks_of(int(scan, 16))


def small_request(card: MethodCard, **kwargs) -> RunRequest:
    """The method at its quickest: its recipe for processors where it has one, and few steps."""
    quick = next((recipe.name for recipe in card.recipes if "quick" in recipe.name), None)
    values = {"steps": 4, "preview_steps": 2, "checkpoint_steps": 1000, **kwargs.pop("parameters", {})}
    return RunRequest(method=card.name, recipe=quick, parameters=values, device="cpu", **kwargs)
