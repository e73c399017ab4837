"""Subjects and whole cohorts of the phantom, from a seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sagittal_engine.phantom.anatomy import ORGANS, draw
from sagittal_engine.phantom.files import Drawn, largest_part, write_cohort
from sagittal_engine.phantom.scanner import SCANNERS, Scanner
from sagittal_engine.phantom.shapes import Array

LABELS: dict[int, str] = ORGANS
"""Label number → organ name."""


def make_subject(rng: np.random.Generator, scanner: Scanner = SCANNERS[0]) -> tuple[Array, Array, Array]:
    """Draws one subject: (image, labels, affine).

    The image is int16 and the labels uint8, both (X, Y, Z) in RAS+ voxel order, with the float64 (4, 4) affine to
    RAS+ millimetres. Everything random comes from `rng`.
    """
    shape = (*scanner.shape, int(rng.integers(scanner.slices[0], scanner.slices[1] + 1)))
    affine = np.diag([*scanner.spacing, 1.0])
    affine[:3, 3] = [-(n - 1) / 2 * s for n, s in zip(shape, scanner.spacing, strict=True)]
    affine[:3, 3] += np.round(rng.uniform(-6.0, 6.0, 3), 2)
    canvas = draw(rng, shape, scanner.spacing, fat=scanner.fat)
    labels = np.zeros_like(canvas.labels)
    for number in ORGANS:
        labels[largest_part(canvas.labels == number)] = number
    return scanner.acquire(rng, canvas.signal), labels, affine


def generate(
    folder: Path,
    subjects: int = 16,
    seed: int = 0,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
    boundary: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Writes a cohort into `folder` and returns the image files in order.

    `image_NN.nii.gz` and `label_NN.nii.gz` per subject, `labels.json` with the organs' names and colours, and
    `meta.csv` with the scanner of each. Scanners alternate and store different axis orders (LAS and RAS). The same
    seed gives the same voxels; subject n does not depend on how many follow. `boundary` may raise to stop.

    Raises ValueError for fewer than one subject.
    """

    def draw_subject(number: int) -> list[Drawn]:
        scanner = SCANNERS[(number - 1) % len(SCANNERS)]
        drawn = make_subject(np.random.default_rng([seed, number]), scanner)
        return [Drawn(*drawn, scanner.orientation, scanner.name, {"scanner": scanner.name})]

    return write_cohort(folder, subjects, LABELS, draw_subject, progress, boundary)
