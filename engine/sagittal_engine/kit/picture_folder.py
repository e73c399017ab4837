"""A folder of 2D pictures with a CSV that says what they show."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
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

    `path` is the CSV, or a folder that holds exactly one. Its first line names the columns: "image" (or "file",
    "filename", "path", "name"; else the first column) holds the picture's path from the CSV's folder. "subject" (or
    "patient", "case") keeps pictures of one person together; without it each picture is a subject of its own. Every
    column is a target; "label", "labels" or "class" is also the target "labels".
    Raises `SagittalError` where the table or a picture cannot be read.
    """
    table = _table(path)
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = [{k.strip(): (v or "").strip() for k, v in row.items() if k} for row in csv.DictReader(file)]
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
        with Image.open(path) as picture:
            grey = picture.mode in ("1", "L", "LA", "F") or picture.mode.startswith("I")
            converted = picture if picture.mode.startswith(("I", "F")) else picture.convert("L" if grey else "RGB")
            array = np.asarray(converted).astype(np.float32)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError) as error:
        raise SagittalError(f"The picture {path} could not be read ({error}). Mend its line in the table.") from error
    if not np.isfinite(array).all():
        raise SagittalError(f"The picture {path} holds values that are no numbers (NaN or infinite). Leave it out.")
    low, high = percentile_range(array) if grey else colour_range(array)
    image = scaled(torch.from_numpy(array), low, high)
    planes = image.unsqueeze(0) if grey else image.permute(2, 0, 1)
    return with_channels(fitted(planes.unsqueeze(0), size), channels)
