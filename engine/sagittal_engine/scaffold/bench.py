"""A bench to try methods on: tiny synthetic scans and the context of a run, all in memory and a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

SHAPE = (48, 40, 9)
"""Voxels (X, Y, Z) of a bench scan."""


@dataclass
class BenchScan:
    """A `ScanData` in memory: a bright body with two organs, and noise."""

    id: str
    subject: str
    spacing: tuple[float, float, float] = (4.0, 4.0, 8.0)
    meta: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0

    def image(self) -> np.ndarray[Any, Any]:
        """float32 (X, Y, Z)."""
        masks = self.labels()
        noise = np.random.default_rng(self.seed).normal(0.0, 15.0, SHAPE)
        body = _ball((0.0, 0.0, 0.0), (0.9, 0.85, 2.0))
        signal = 200.0 * body + 160.0 * masks["liver"] + 320.0 * masks["spleen"]
        return np.asarray(signal + noise, dtype=np.float32)

    def labels(self) -> dict[str, np.ndarray[Any, Any]]:
        """bool (X, Y, Z) by name; the organs move a little from scan to scan."""
        step = 0.05 * (self.seed % 3)
        return {
            "liver": _ball((0.35 - step, 0.1, 0.0), (0.4, 0.45, 0.8)),
            "spleen": _ball((-0.5 + step, -0.1, 0.0), (0.22, 0.25, 0.7)),
        }


def _ball(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray[Any, Any]:
    axes = np.meshgrid(*(np.linspace(-1.0, 1.0, n) for n in SHAPE), indexing="ij")
    distance = sum(((axis - c) / r) ** 2 for axis, c, r in zip(axes, centre, radii, strict=True))
    return np.asarray(distance <= 1.0)


def bench_scans(count: int = 4) -> list[BenchScan]:
    """`count` scans of as many subjects, from two scanners; every third and fourth has a finding."""
    return [BenchScan(f"{n:016x}", f"subject {n}", meta=_meta(n), seed=n) for n in range(count)]


def _meta(n: int) -> dict[str, str]:
    return {"scanner": "AB"[n % 2], "subject": f"subject {n}", "finding": str(n // 2 % 2)}


class BenchContext:
    """A `Context` on the processor, with its cache in `folder`."""

    def __init__(self, folder: Path, scans: Sequence[BenchScan], seed: int = 0) -> None:
        import torch

        self.scans = scans
        self.device = torch.device("cpu")
        self.seed = seed
        self.messages: list[tuple[str, str]] = []
        self._folder = folder

    def boundary(self) -> None:
        """Nobody pauses or cancels a bench."""

    def progress(self, done: int, total: int, message: str) -> None:
        """Nobody watches a bench."""

    def cached(self, key: str, make: Callable[[Path], None]) -> Path:
        path = self._folder / key.replace("/", "_")
        if not path.exists():
            temporary = path.with_name(f"part-{path.name}")
            make(temporary)
            temporary.replace(path)
        return path

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterable[Any]:
        return map(function, items)

    def encoder_file(self, start: str) -> Path:
        """A file is itself; a bench has no runs."""
        return Path(start)

    def message(self, level: str, text: str) -> None:
        self.messages.append((level, text))


def generator(seed: int, step: int) -> torch.Generator:
    """A generator that depends on (seed, step) alone."""
    import torch

    made = torch.Generator()
    made.manual_seed((seed * 1_000_003 + step) % 2**63)
    return made
