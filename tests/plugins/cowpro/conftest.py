"""A tiny synthetic world for the method's tests: scans with two organs, and a context that lives in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sagittal.params import make
from sagittal_plugins.cowpro import CARD
from sagittal_plugins.cowpro.method import CoWPro

SHAPE = (96, 96, 9)
SPACING = (3.3, 3.3, 7.7)


class Scan:
    """A body with two bright organs at places that vary with the seed."""

    subject = ""
    meta: Mapping[str, str] = {}
    spacing = SPACING

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.id = f"scan{seed}"
        x, y, z = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
        inside = ((x - 48) / 40) ** 2 + ((y - 48) / 30) ** 2 < 1
        dx, dy = rng.integers(-2, 3, 2)
        self._labels = {
            "left": ((x - 30 - dx) ** 2 + (y - 48 - dy) ** 2 < 90) & (z >= 1) & (z <= 6),
            "right": ((x - 66 + dx) ** 2 + (y - 44 - dy) ** 2 < 60) & (z >= 2) & (z <= 7),
        }
        image = inside * (150 + 40 * np.sin(x / 9) * np.cos(y / 8)) + 25 * inside * np.sin(z / 2)
        image = image + 300.0 * self._labels["left"] + 150.0 * self._labels["right"] + rng.normal(0, 6, SHAPE)
        self._image = np.maximum(image, 0).astype(np.float32)

    def image(self) -> np.ndarray[Any, Any]:
        return self._image

    def labels(self) -> dict[str, np.ndarray[Any, Any]]:
        return self._labels


class Context:
    """What the engine lends, in the simplest form."""

    def __init__(self, folder: Path, scans: Iterable[Scan]) -> None:
        self.scans, self.device, self.seed = list(scans), torch.device("cpu"), 0
        self.folder = folder
        self.made: list[str] = []
        self.messages: list[str] = []
        self.progressed: list[tuple[int, int]] = []

    def boundary(self) -> None:
        """Nothing pauses a test."""

    def progress(self, done: int, total: int, message: str) -> None:
        self.progressed.append((done, total))

    def cached(self, key: str, make: Callable[[Path], None]) -> Path:
        path = self.folder / key
        if not path.exists():
            temporary = path.with_suffix(".tmp")
            make(temporary)
            temporary.rename(path)
            self.made.append(key)
        return path

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterable[Any]:
        return map(function, items)

    def message(self, level: str, text: str) -> None:
        self.messages.append(text)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def method(cache: Path) -> Callable[..., CoWPro]:
    """Makes a CoWPro over tiny scans, prepared unless told otherwise, with parameters as given."""

    def build(scans: int = 2, prepare: bool = True, folder: Path = cache, **values: Any) -> CoWPro:
        values = {"batch_size": 1, "superpixels_per_slice": 2, **values}
        made = CoWPro(make(CARD.params, values), Context(folder, [Scan(n) for n in range(scans)]))
        if prepare:
            made.prepare()
        return made

    return build


@pytest.fixture
def make_scan() -> type[Scan]:
    return Scan
