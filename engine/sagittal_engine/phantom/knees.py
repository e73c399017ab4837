"""Exams of the knee phantom in three planes, and whole cohorts, from a seed. Nothing here comes from a patient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sagittal_engine.phantom.files import Drawn, write_cohort
from sagittal_engine.phantom.knees_anatomy import KNEE_LABELS, Knee, draw
from sagittal_engine.phantom.knees_findings import Findings, findings_of
from sagittal_engine.phantom.scanner import Scanner
from sagittal_engine.phantom.shapes import Array, Canvas, spline
from sagittal_engine.phantom.vessels import speckle

PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}
"""Plane → the axis that its thick slices are stacked along."""
MIDDLE = {"sagittal": (0.0, -2.0, 4.0), "coronal": (0.0, -2.0, 4.0), "axial": (0.0, -2.0, 8.0)}
"""What lies in the middle of a plane's field of view: mm about the middle of the joint."""


@dataclass(frozen=True)
class Site:
    """A scanner, and the axis letters of its files by plane."""

    scanner: Scanner
    """`shape` and `spacing` are of a slice, across slices last."""
    orientations: Mapping[str, str]


KNEE_SITES: tuple[Site, ...] = (
    Site(
        Scanner("Synthetic A", (136, 136), (22, 30), (1.05, 1.05, 4.2), "RAS", 1.0, 0.22, 0.5, 0.10, 0.030, 350.0),
        {"sagittal": "PIR", "coronal": "LIA", "axial": "LPS"},
    ),
    Site(
        Scanner("Synthetic B", (128, 128), (28, 38), (1.1, 1.1, 3.4), "RAS", 0.85, 0.32, 0.7, 0.18, 0.050, 620.0),
        {"sagittal": "ASL", "coronal": "RSP", "axial": "RAS"},
    ),
)
"""A: thick slices, fat well suppressed. B: thinner and noisier slices, uneven, fat shines through."""

BROAD, FINE = (3.0, 6), (0.9, 16)
"""Deviation in mm and knots a side of the two fields by which a knee is bent out of its drawing."""
REACH = 90.0
"""mm about the middle of the joint within which it is bent."""


class Posture:
    """Where in the drawing a point of the scanner's room lies: the same for the three planes of an exam."""

    def __init__(self, rng: np.random.Generator, knee: Knee, *, left: bool) -> None:
        self._mirror = np.array([-1.0 if left else 1.0, 1.0, 1.0])
        self._size = knee.size
        self._turns = np.radians(rng.uniform(-6, 6, 3))
        self.place = np.round(rng.uniform(-8, 8, 3), 2)
        """Of the middle of the joint, RAS+ mm."""
        self._bends = [
            [np.float32(deviation * 2.6) * rng.standard_normal((knots,) * 3, dtype=np.float32) for _ in range(3)]
            for deviation, knots in (BROAD, FINE)
        ]

    def canvas(self, axes: tuple[Array, Array, Array]) -> Canvas:
        """The drawing's coordinates of every voxel of a grid whose axes (RAS+ mm about `place`) are given."""
        grid = np.meshgrid(*((axis * way).astype(np.float32) for axis, way in zip(axes, self._mirror, strict=True)),
                           indexing="ij")  # fmt: skip
        turned = np.tensordot(_rotation(self._turns).astype(np.float32) / np.float32(self._size), np.stack(grid), 1)
        for bends in self._bends:
            for part, values in zip(turned, bends, strict=True):
                knots = len(values)
                places = [1 + (knots - 3) * ((axis + REACH) / (2 * REACH)).clip(0, 1) for axis in axes]
                part += spline(values, places)
        return Canvas(*turned)


def _rotation(turns: Array) -> Array:
    """(3, 3): turned about x, then y, then z by these radians."""
    (a, b, c), (d, e, f) = np.cos(turns), np.sin(turns)
    about_x = np.array([[1, 0, 0], [0, a, -d], [0, d, a]])
    about_y = np.array([[b, 0, e], [0, 1, 0], [-e, 0, b]])
    about_z = np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def make_knee_exam(
    number: int, seed: int = 0, *, findings: Findings | None = None, site: Site | None = None
) -> dict[str, Drawn]:
    """Exam `number` of the cohort of `seed`: plane → its scan. What is wrong with it, and the scanner, can be given."""
    rng = np.random.default_rng([seed, number, 2])
    left = bool(rng.integers(2))
    findings = findings or findings_of(number, seed)
    site = site or KNEE_SITES[(number - 1) % len(KNEE_SITES)]
    knee = Knee.drawn(rng, findings)
    posture = Posture(rng, knee, left=left)
    columns = {
        "exam": f"synthetic {number:02d}",
        "scanner": site.scanner.name,
        "knee": "left" if left else "right",
        **findings.labels,
    }
    return {
        plane: _scan(np.random.default_rng([seed, number, 2, axis]), plane, knee, posture, site, columns)
        for plane, axis in PLANES.items()
    }


def _scan(
    rng: np.random.Generator, plane: str, knee: Knee, posture: Posture, site: Site, columns: Mapping[str, str]
) -> Drawn:
    """One plane of an exam: its own grid, grain and noise."""
    scanner, across = site.scanner, PLANES[plane]
    slices = int(rng.integers(scanner.slices[0], scanner.slices[1] + 1))
    shape, spacing = list(scanner.shape), list(scanner.spacing[:2])
    shape.insert(across, slices)
    spacing.insert(across, scanner.spacing[2])
    # Where the middle of the field lies was chosen by hand, as at a scanner: not the same in two exams.
    middle = np.array(MIDDLE[plane]) + np.round(rng.uniform(-3, 3, 3), 1)
    axes = [(np.arange(n) - (n - 1) / 2) * s + m for n, s, m in zip(shape, spacing, middle, strict=True)]
    canvas = posture.canvas((axes[0], axes[1], axes[2]))
    draw(rng, knee, canvas, fat=scanner.fat)
    signal = np.moveaxis(canvas.signal, across, 2)
    signal = signal * (1 + 0.04 * speckle(rng, signal.shape))
    image = np.moveaxis(scanner.acquire(rng, signal.clip(0)), 2, across)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = [axis[0] for axis in axes] + posture.place
    return Drawn(
        np.ascontiguousarray(image), canvas.labels, affine, site.orientations[plane], scanner.name,
        {"exam": columns["exam"], "plane": plane, **columns}, f"_{plane}",
    )  # fmt: skip


def generate_knees(
    folder: Path,
    subjects: int = 40,
    seed: int = 0,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
    boundary: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Writes a cohort of knee exams of three planes into `folder`, one exam per subject, scanners taking turns.

    `image_NN_PLANE.nii.gz` and its label map per scan; seed and errors as `generate` of the abdomen. The table says of
    each scan its exam, plane, scanner, which knee it is, and 0 or 1 for "abnormal", "acl" and "meniscus".
    """

    def draw_exam(number: int) -> list[Drawn]:
        return list(make_knee_exam(number, seed).values())

    return write_cohort(folder, subjects, KNEE_LABELS, draw_exam, progress, boundary)
