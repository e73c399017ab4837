"""For ITK-SNAP: a NIfTI segmentation in the source grid and the label descriptions it is opened with."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from sagittal.facts import Label
from sagittal_engine.imaging.exporters import Making, nifti, with_ending
from sagittal_engine.imaging.label_tables import as_snap_writes, components, write_label_table
from sagittal_engine.imaging.labels import write_voxels
from sagittal_engine.imaging.volume import Array, Header, Source


def write(
    stem: Path, labels: Array, table: Sequence[Label], source: Source, header: Header, making: Making
) -> list[Path]:
    """`<stem>.nii.gz` and `<stem>.label`; the affine and header of a NIfTI source come back bit for bit."""
    voxels, names = with_ending(stem, ".nii.gz"), with_ending(stem, ".label")
    write_voxels(voxels, labels, header.grid)
    write_label_table(names, table)
    return [voxels, names]


def differences(
    files: Sequence[Path], labels: Array, table: Sequence[Label], source: Source, header: Header
) -> list[str]:
    """Compares the voxels as for NIfTI, and the table with what splitting its lines at blanks gives."""
    voxels, names = files
    found = nifti.voxel_differences(voxels, labels, header)
    if read_plainly(names) != [(row.number, components(row.colour), as_snap_writes(row).name) for row in table]:
        found.append(f"{names.name} gives back other names or colours than were written.")
    return found


def read_plainly(path: Path) -> list[tuple[int, tuple[int, int, int], str]]:
    """Number, (red, green, blue) and name of every line but the background's."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        splitter = shlex.shlex(line, posix=True, punctuation_chars=False)
        splitter.whitespace_split, splitter.escape, splitter.quotes, splitter.commenters = True, "", '"', ""
        number, red, green, blue, _, _, _, name = splitter
        if int(number):
            rows.append((int(number), (int(red), int(green), int(blue)), name))
    return rows
