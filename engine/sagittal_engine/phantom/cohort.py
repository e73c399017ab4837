"""Subjects and whole cohorts of the phantom, from a seed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import ndimage

from sagittal.facts import colour_of
from sagittal_engine.phantom.anatomy import ORGANS, draw
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
        labels[_largest_part(canvas.labels == number)] = number
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
    if subjects < 1:
        raise ValueError(f"a cohort has at least one subject; got {subjects}")
    folder.mkdir(parents=True, exist_ok=True)
    table = [{"number": n, "name": name, "colour": colour_of(n)} for n, name in ORGANS.items()]
    (folder / "labels.json").write_text(json.dumps({"labels": table}, indent=2) + "\n", encoding="utf-8")
    images = []
    rows = []
    for number in range(1, subjects + 1):
        boundary()
        progress(number - 1, subjects, f"Drawing synthetic subject {number} of {subjects}")
        scanner = SCANNERS[(number - 1) % len(SCANNERS)]
        image, labels, affine = make_subject(np.random.default_rng([seed, number]), scanner)
        images.append(folder / f"image_{number:02d}.nii.gz")
        _write(images[-1], image, affine, scanner)
        _write(folder / f"label_{number:02d}.nii.gz", labels, affine, scanner)
        rows.append((images[-1].name, f"synthetic {number:02d}", scanner.name))
    with (folder / "meta.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("scan", "subject", "scanner"), *rows])
    progress(subjects, subjects, "Synthetic cohort written")
    return images


def _largest_part(mask: Array) -> Array:
    """The largest connected part of a mask: carving may cut crumbs off an organ."""
    parts, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts == sizes.argmax()


def _write(path: Path, array: Array, affine: Array, scanner: Scanner) -> None:
    """Writes RAS+ voxels as NIfTI in the scanner's own axis order, millimetres, scanner coordinates."""
    import nibabel as nib
    from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(scanner.orientation))
    stored = nib.orientations.apply_orientation(array, turn)
    image = nib.Nifti1Image(np.ascontiguousarray(stored), affine @ inv_ornt_aff(turn, array.shape))
    image.set_sform(image.affine, code=1)
    image.set_qform(image.affine, code=1)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = f"synthetic, {scanner.name}".encode()
    nib.save(image, path)
