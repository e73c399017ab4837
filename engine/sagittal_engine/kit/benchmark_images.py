"""Images from outside a study: CIFAR-10, CIFAR-100 and STL-10 in their published binary files, folders of pictures.

Layouts (each page of the data set describes its own):

- CIFAR-10, `cifar-10-batches-bin/`: `data_batch_1…5.bin`, `test_batch.bin`, `batches.meta.txt`. A record is one byte
  of label and 3072 of pixels: 32×32 red, then green, then blue, row by row.
- CIFAR-100, `cifar-100-binary/`: `train.bin`, `test.bin`, `fine_label_names.txt`, `coarse_label_names.txt`. A record
  is a coarse label, a fine label, and 3072 bytes as above.
- STL-10, `stl10_binary/`: `train_X.bin`, `train_y.bin`, `test_X.bin`, `test_y.bin`, `unlabeled_X.bin`,
  `class_names.txt`. An image is 96×96 red, green, blue, column by column; labels are bytes from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from sagittal.engine_port import SagittalError
from sagittal_engine.kit.fitting import fitted, with_channels
from sagittal_engine.kit.images import ImageSet
from sagittal_engine.kit.picture_folder import read_folder

Array = np.ndarray[Any, Any]

SPLITS = ("train", "test", "unlabeled")
CHUNK = 4096
"""Images converted at a time."""


@dataclass(frozen=True)
class _Raw:
    """A split as its files hold it."""

    pixels: Array
    """uint8 (N, 3, H, W)."""
    targets: Mapping[str, tuple[str, ...]]


def read_images(path: str | Path, *, size: int, channels: int = 3, split: str = "train") -> ImageSet:
    """The images of a data set, from 0…255 to 0…1, resized to `size` and given `channels` (1 or 3).

    `path` is the data set's folder, one file in it, or a folder (or its CSV) of pictures, which has no splits. Every
    image of a binary set is a subject of its own, named by split and place. Targets: "labels" (the class) and, for
    CIFAR-100, "coarse"; "" for STL-10's unlabelled images. `unlabeled` exists for STL-10 alone.
    Raises `SagittalError` where files are missing, cut short or no images, and where memory would not hold them.
    """
    if split not in SPLITS:
        raise ValueError(f"the split must be one of {', '.join(SPLITS)}; got {split!r}.")
    given = Path(path)
    if not given.exists():
        raise SagittalError(f"There is no file or folder {given}; choose the folder that holds the images in 'data'.")
    folder = given if given.is_dir() else given.parent
    for marker, reader in _READERS.items():
        if (folder / marker).is_file():
            return _image_set(reader(folder, split), size, channels, split)
    if split != "train":
        raise SagittalError(f"{folder} is no CIFAR or STL-10 folder, and other folders have no split '{split}'.")
    return read_folder(given, size=size, channels=channels)


def is_published(path: str | Path) -> bool:
    """Whether `path` lies in a CIFAR or STL-10 folder, which has a test split."""
    given = Path(path)
    folder = given if given.is_dir() else given.parent
    return any((folder / marker).is_file() for marker in _READERS)


def long_tailed(images: ImageSet, *, target: str = "labels", ratio: float = 0.01, seed: int = 0) -> ImageSet:
    """Fewer images of each later class: class i of C keeps n_i = ⌊n_max · ratio^(i/(C−1))⌋ (Cao et al. 2019).

    Classes are counted in the order of their names, which for CIFAR is that of its labels; n_max is the size of the
    largest class. Which images stay is drawn from `seed`; their order is kept.
    Raises ValueError unless 0 < ratio ≤ 1 and there are at least two classes.
    """
    names, index = images.classes(target)
    if not 0 < ratio <= 1 or len(names) < 2:
        raise ValueError(f"ratio must be in 0…1 and classes at least two; got {ratio} and {len(names)} classes.")
    counts = long_tail_counts(int(torch.bincount(index[index >= 0]).max()), len(names), ratio)
    generator = torch.Generator().manual_seed(seed)
    kept: list[int] = []
    for number, count in enumerate(counts):
        rows = (index == number).nonzero().flatten()
        kept += rows[torch.randperm(len(rows), generator=generator)[:count]].tolist()
    return images.take(sorted(kept))


def long_tail_counts(most: int, classes: int, ratio: float) -> list[int]:
    """⌊most · ratio^(i/(classes − 1))⌋ for i = 0…classes − 1, at least one each."""
    return [max(1, int(most * ratio ** (i / (classes - 1)))) for i in range(classes)]


def _cifar10(folder: Path, split: str) -> _Raw:
    files = {"train": [f"data_batch_{n}.bin" for n in range(1, 6)], "test": ["test_batch.bin"]}
    records = _records(folder, files.get(split), split, 1 + 3072)
    names = _names(folder / "batches.meta.txt", 10)
    return _Raw(records[:, 1:].reshape(-1, 3, 32, 32), {"labels": _named(records[:, 0], names, folder)})


def _cifar100(folder: Path, split: str) -> _Raw:
    files = {"train": ["train.bin"], "test": ["test.bin"]}
    records = _records(folder, files.get(split), split, 2 + 3072)
    coarse, fine = _names(folder / "coarse_label_names.txt", 20), _names(folder / "fine_label_names.txt", 100)
    targets = {"coarse": _named(records[:, 0], coarse, folder), "labels": _named(records[:, 1], fine, folder)}
    return _Raw(records[:, 2:].reshape(-1, 3, 32, 32), targets)


def _stl10(folder: Path, split: str) -> _Raw:
    columns_first = _records(folder, [f"{split}_X.bin"], split, 3 * 96 * 96).reshape(-1, 3, 96, 96)
    pixels = columns_first.swapaxes(2, 3)
    if split == "unlabeled":
        return _Raw(pixels, {"labels": ("",) * len(pixels)})
    numbers = _records(folder, [f"{split}_y.bin"], split, 1)[:, 0]
    if len(numbers) != len(pixels):
        raise SagittalError(f"{folder / split}_X.bin holds {len(pixels)} images and _y.bin {len(numbers)} labels.")
    names = _names(folder / "class_names.txt", 10)
    return _Raw(pixels, {"labels": _named(numbers.astype(np.int64) - 1, names, folder)})


_READERS: Mapping[str, Callable[[Path, str], _Raw]] = {
    "data_batch_1.bin": _cifar10,
    "fine_label_names.txt": _cifar100,
    "train_X.bin": _stl10,
}
"""The file that tells a data set, and its reader."""


def _records(folder: Path, files: Sequence[str] | None, split: str, length: int) -> Array:
    """uint8 (N, length) of all `files`."""
    if files is None:
        raise SagittalError(f"The data set in {folder} has no split '{split}'.")
    parts = []
    for name in files:
        path = folder / name
        if not path.is_file():
            raise SagittalError(f"{path} is missing; unpack the whole data set again.")
        if not path.stat().st_size or path.stat().st_size % length:
            raise SagittalError(
                f"{path} has {path.stat().st_size} bytes, which is no whole number of records of {length}; "
                "it is cut short or of another kind. Unpack the data set again."
            )
        parts.append(np.memmap(path, np.uint8, "r").reshape(-1, length))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _names(path: Path, count: int) -> list[str]:
    """The class names of a file, one a line; numbers, written so that they sort, where the file is not there."""
    lines = path.read_text(encoding="utf-8").split() if path.is_file() else []
    return [lines[n] if n < len(lines) else f"{n:0{len(str(count - 1))}}" for n in range(count)]


def _named(numbers: Array, names: Sequence[str], folder: Path) -> tuple[str, ...]:
    if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < len(names):
        raise SagittalError(
            f"The files in {folder} hold labels that are none of {len(names)} classes; they are damaged."
        )
    return tuple(names[n] for n in numbers.tolist())


def _image_set(raw: _Raw, size: int, channels: int, split: str) -> ImageSet:
    count = len(raw.pixels)
    needed = count * channels * size * size * 4
    if needed > psutil.virtual_memory().available:
        raise SagittalError(
            f"{count} images of {size} pixels a side need {needed / 1e9:.1f} GB of memory, more than is free. "
            "Lower 'image_size', or choose a smaller set."
        )
    images = torch.empty(count, channels, size, size)
    for start in range(0, count, CHUNK):
        part = torch.from_numpy(raw.pixels[start : start + CHUNK].astype(np.float32)) / 255
        images[start : start + CHUNK] = fitted(with_channels(part, channels), size)
    own = tuple(f"{split}-{n:06d}" for n in range(count))
    return ImageSet(images, own, own, (0,) * count, torch.zeros(count), raw.targets)
