"""A folder of 2D pictures with a CSV that says what they show."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from PIL import Image, UnidentifiedImageError

from sagittal.engine_port import SagittalError
from sagittal_engine.kit.fitting import colour_range, fitted, percentile_range, scaled, with_channels
from sagittal_engine.kit.images import ImageSet

FILE_COLUMNS = ("image", "file", "filename", "path", "name")
SUBJECT_COLUMNS = ("subject", "patient", "case")
LABEL_COLUMNS = ("labels", "label", "class")


def read_folder(path: Path, *, size: int, channels: int) -> ImageSet:
    """The pictures that a CSV names, as `ImageSet`: grey by percentiles 0.5 and 99.5, colour by its kind's maximum.

    `path` is the CSV (with commas, semicolons or tabs), or a folder that holds exactly one. Its first line names the
    columns: "image" (or "file", "filename", "path", "name"; else the first column) holds the picture's path from the
    CSV's folder. "subject" (or "patient", "case") keeps pictures of one person together; without it each picture is a
    subject of its own. Every column is a target; "label", "labels" or "class" is also the target "labels".
    Raises `SagittalError` where the table or a picture cannot be read.
    """
    table = _table(path)
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
        delimiter = max(",;\t", key=lines[0].count) if lines else ","
        rows = [
            {k.strip(): (v or "").strip() for k, v in row.items() if k}
            for row in csv.DictReader(lines, delimiter=delimiter)
        ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SagittalError(f"The table {table} could not be read: {error}. Save it as CSV in UTF-8.") from error
    if not rows:
        raise SagittalError(f"The table {table.name} names no pictures; below its heading stands one a line.")
    columns = list(rows[0])
    named = _column(columns, FILE_COLUMNS) or columns[0]
    subject, label = _column(columns, SUBJECT_COLUMNS), _column(columns, LABEL_COLUMNS)
    targets = {name: tuple(row.get(name, "") for row in rows) for name in columns if name != named}
    if label:
        targets["labels"] = targets[label]
    files = tuple(row[named] for row in rows)
    return ImageSet(
        images=torch.cat([_picture(table.parent / name, size, channels) for name in files]),
        subjects=targets[subject] if subject else files,
        scans=files,
        slices=(0,) * len(files),
        position=torch.zeros(len(files)),
        targets=targets,
    )


def _table(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted(path.glob("*.csv"))
    if len(found) != 1:
        raise SagittalError(
            f"The folder {path} holds {len(found)} CSV files, and one that names its pictures is wanted. "
            "Choose that file itself in 'data'."
        )
    return found[0]


def _column(columns: list[str], wanted: tuple[str, ...]) -> str | None:
    lowered = {name.lower(): name for name in reversed(columns)}
    return next((lowered[name] for name in wanted if name in lowered), None)


def _picture(path: Path, size: int, channels: int) -> torch.Tensor:
    """(1, channels, size, size)."""
    try:
        array = _pixels(path)
    except (OSError, ValueError, SyntaxError, tifffile.TiffFileError) as error:
        raise SagittalError(f"The picture {path} could not be read ({error}). Mend its line in the table.") from error
    if not np.isfinite(array).all():
        raise SagittalError(f"The picture {path} holds values that are no numbers (NaN or infinite). Leave it out.")
    grey = array.ndim == 2
    low, high = percentile_range(array) if grey else colour_range(array)
    image = scaled(torch.from_numpy(array), low, high)
    planes = image.unsqueeze(0) if grey else image.permute(2, 0, 1)
    return with_channels(fitted(planes.unsqueeze(0), size), channels)


def _pixels(path: Path) -> np.ndarray[Any, Any]:
    """float32 (H, W), or (H, W, 3) for colour."""
    try:
        with Image.open(path) as picture:
            grey = picture.mode in ("1", "L", "LA", "F") or picture.mode.startswith("I")
            converted = picture if picture.mode.startswith(("I", "F")) else picture.convert("L" if grey else "RGB")
            return np.asarray(converted).astype(np.float32)
    except UnidentifiedImageError:
        if path.suffix.lower() not in (".tif", ".tiff"):
            raise
    array = tifffile.imread(path)  # kinds that Pillow does not know, as 16-bit colour
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ValueError(f"it is no flat picture in grey or colour: its shape is {array.shape}")
    return (array if array.ndim == 2 else array[..., :3]).astype(np.float32)
