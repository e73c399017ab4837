"""Subjects and cohorts of the vessel phantom, from a seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sagittal_engine.phantom.files import Drawn, largest_part, write_cohort
from sagittal_engine.phantom.institutions import INSTITUTIONS, Institution
from sagittal_engine.phantom.shapes import Array, smooth_field, soft
from sagittal_engine.phantom.vessel_tree import distance, grow
from sagittal_engine.phantom.vessels import speckle

VESSEL, ANEURYSM = 1, 2
VESSEL_LABELS = {VESSEL: "vessel", ANEURYSM: "aneurysm"}
"""Label number → name."""

DOMAIN = "domain"
"""Column of the table that names the institution."""


def make_vessel_subject(
    rng: np.random.Generator, institution: Institution = INSTITUTIONS[0]
) -> tuple[Array, Array, Array]:
    """Draws one subject: (image, labels, affine), as `make_subject` of the abdomen."""
    shape, spacing = institution.shape, institution.spacing
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = [-(n - 1) / 2 * step for n, step in zip(shape, spacing, strict=True)]
    x, y, z = (((np.arange(n) - (n - 1) / 2) * step) for n, step in zip(shape, spacing, strict=True))
    tree = grow(rng)
    tubes = distance(tree.vessels, (x, y, z))
    bulges = np.minimum.reduce([distance(sac, (x, y, z)) for sac in tree.sacs])
    labels = np.where(tubes <= 0, VESSEL, np.where(bulges <= 0, ANEURYSM, 0)).astype(np.uint8)
    labels[~largest_part(labels > 0)] = 0
    signal = _surroundings(rng, institution, (x, y, z))
    edge = float(np.mean(spacing))
    wide = _thickness(tree.vessels, (x, y, z))
    blood = 1 - institution.flow * np.clip(2 - wide, 0, 1)
    for cover, bright in ((soft(tubes, edge), blood), (soft(bulges, edge), 1 - 0.4 * institution.flow)):
        signal += cover * (bright - signal)
    affine[:3, 3] += np.round(rng.uniform(-4.0, 4.0, 3), 2)
    return institution.acquire(rng, signal), labels, affine


def _thickness(spheres: Array, axes: tuple[Array, Array, Array]) -> Array:
    """Radius in mm of the widest vessel at each voxel within a millimetre of one; 0 elsewhere."""
    found = np.zeros([len(axis) for axis in axes], np.float32)
    for radius in np.unique(np.round(spheres[:, 3], 1)):
        own = spheres[np.round(spheres[:, 3], 1) == radius]
        found[distance(own, axes) <= 1.0] = radius  # radii ascend, so that the widest stays
    return found


def _surroundings(rng: np.random.Generator, institution: Institution, axes: tuple[Array, Array, Array]) -> Array:
    """Tissue with its texture, hollows filled with fluid, and a shell of bone at the back and below."""
    shape = institution.shape
    texture = 1 + 0.16 * smooth_field(rng, shape, (8, 8, 8)) + 0.06 * speckle(rng, shape)
    signal = (institution.tissue * texture).astype(np.float32)
    hollow = smooth_field(rng, shape, (6, 6, 6))
    signal *= 1 - 0.55 * soft(1.1 - hollow, 0.4)
    bend = 3.0 * smooth_field(rng, shape, (5, 5, 5)).clip(-2, 2)
    behind = axes[1][None, :, None] + 20.5 + bend
    below = axes[2][None, None, :] + 21.5 + bend
    for depth in (behind, below):
        signal += soft(np.abs(depth) - 1.3, 1.2) * (institution.bone * (0.9 + 0.1 * texture) - signal)
    return signal


def generate_vessels(
    folder: Path,
    subjects: int = 32,
    seed: int = 0,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
    boundary: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Writes a cohort of vessels with aneurysms into `folder`, subjects taking turns at the four institutions.

    Files, seed and errors as `generate` of the abdomen; the table's column "domain" names the institution.
    """

    def draw(number: int) -> list[Drawn]:
        institution = INSTITUTIONS[(number - 1) % len(INSTITUTIONS)]
        drawn = make_vessel_subject(np.random.default_rng([seed, number, 1]), institution)
        return [Drawn(*drawn, institution.orientation, institution.name, {DOMAIN: institution.name})]

    return write_cohort(folder, subjects, VESSEL_LABELS, draw, progress, boundary)
