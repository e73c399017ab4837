"""How a synthetic cohort is written: files as scanners would store them, label names, and a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from sagittal.facts import colour_of
from sagittal_engine.phantom.shapes import Array


@dataclass(frozen=True)
class Drawn:
    """One scan of a subject, as it goes into files."""

    image: Array
    labels: Array
    affine: Array
    """Both arrays are (X, Y, Z) in RAS+ voxel order; float64 (4, 4) to RAS+ millimetres."""
    orientation: str
    """Axis letters of the files."""
    site: str
    """Who imaged it."""
    columns: Mapping[str, str]
    """What the table says of it: column → value, the same columns for all."""
    ending: str = ""
    """Of the file's name, where a subject has several scans."""


Draw = Callable[[int], Sequence[Drawn]]
"""Number of a subject, from 1 → its scans."""


def write_cohort(
    folder: Path,
    subjects: int,
    labels: Mapping[int, str],
    draw: Draw,
    progress: Callable[[int, int, str], None],
    boundary: Callable[[], None],
) -> list[Path]:
    """Writes `subjects` drawn subjects into `folder` and returns the image files in order.

    `image_NN.nii.gz` and `label_NN.nii.gz` per scan, `labels.json` with names and colours, and `meta.csv` with the
    subject and the columns of each. `boundary` may raise to stop. Raises ValueError for fewer than one subject.
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
        for scan in draw(number):
            name = f"{number:02d}{scan.ending}.nii.gz"
            images.append(folder / f"image_{name}")
            _write(images[-1], scan.image, scan)
            _write(folder / f"label_{name}", scan.labels, scan)
            rows.append({"scan": images[-1].name, "subject": f"synthetic {number:02d}", **scan.columns})
    with (folder / "meta.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
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


def _write(path: Path, array: Array, scan: Drawn) -> None:
    """Writes RAS+ voxels as NIfTI in the scan's own axis order, millimetres, scanner coordinates."""
    import nibabel as nib
    from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(scan.orientation))
    stored = nib.orientations.apply_orientation(array, turn)
    image = nib.Nifti1Image(np.ascontiguousarray(stored), scan.affine @ inv_ornt_aff(turn, array.shape))
    image.set_sform(image.affine, code=1)
    image.set_qform(image.affine, code=1)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = f"synthetic, {scan.site}".encode()
    nib.save(image, path)
