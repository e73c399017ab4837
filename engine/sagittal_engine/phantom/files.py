"""How a synthetic cohort is written: files as scanners would store them, label names, and a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from scipy import ndimage

from sagittal.facts import colour_of
from sagittal_engine.phantom.shapes import Array


class Site(Protocol):
    """Who imaged a subject: a scanner, or an institution."""

    @property
    def name(self) -> str: ...
    @property
    def orientation(self) -> str: ...


Draw = Callable[[int], tuple[Array, Array, Array, Site]]
"""Number of a subject, from 1 → image, labels, affine, and who imaged it."""


def write_cohort(
    folder: Path,
    subjects: int,
    labels: Mapping[int, str],
    column: str,
    draw: Draw,
    progress: Callable[[int, int, str], None],
    boundary: Callable[[], None],
) -> list[Path]:
    """Writes `subjects` drawn subjects into `folder` and returns the image files in order.

    `image_NN.nii.gz` and `label_NN.nii.gz` per subject, `labels.json` with names and colours, and `meta.csv` whose
    `column` says who imaged each. `boundary` may raise to stop. Raises ValueError for fewer than one subject.
    """
    if subjects < 1:
        raise ValueError(f"a cohort has at least one subject; got {subjects}")
    folder.mkdir(parents=True, exist_ok=True)
    table = [{"number": n, "name": name, "colour": colour_of(n)} for n, name in labels.items()]
    (folder / "labels.json").write_text(json.dumps({"labels": table}, indent=2) + "\n", encoding="utf-8")
    images = []
    rows = []
    for number in range(1, subjects + 1):
        boundary()
        progress(number - 1, subjects, f"Drawing synthetic subject {number} of {subjects}")
        image, numbers, affine, site = draw(number)
        images.append(folder / f"image_{number:02d}.nii.gz")
        _write(images[-1], image, affine, site)
        _write(folder / f"label_{number:02d}.nii.gz", numbers, affine, site)
        rows.append((images[-1].name, f"synthetic {number:02d}", site.name))
    with (folder / "meta.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("scan", "subject", column), *rows])
    progress(subjects, subjects, "Synthetic cohort written")
    return images


def largest_part(mask: Array) -> Array:
    """The largest connected part of a mask: carving may cut crumbs off an organ."""
    parts, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts == sizes.argmax()


def _write(path: Path, array: Array, affine: Array, site: Site) -> None:
    """Writes RAS+ voxels as NIfTI in the site's own axis order, millimetres, scanner coordinates."""
    import nibabel as nib
    from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(site.orientation))
    stored = nib.orientations.apply_orientation(array, turn)
    image = nib.Nifti1Image(np.ascontiguousarray(stored), affine @ inv_ornt_aff(turn, array.shape))
    image.set_sform(image.affine, code=1)
    image.set_qform(image.affine, code=1)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = f"synthetic, {site.name}".encode()
    nib.save(image, path)
