"""The exams that a run learns from and those it keeps from training: their slices, labels and the order of epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psutil
import torch
from torch import Tensor

from sagittal.method import Context, ScanData
from sagittal_engine.kit.exams import is_of, pattern_of, spread_share, truth_of
from sagittal_engine.kit.framing import Framing

FREE_SHARE = 0.4
"""Of the free memory, what slices may take; where they are more, they are read from the study's cache each time."""


@dataclass(frozen=True)
class Split:
    """Scans of one plane with labels."""

    training: tuple[ScanData, ...]
    held_out: tuple[ScanData, ...]
    unused: tuple[ScanData, ...]
    """Beyond the label budget."""


def split(
    scans: Sequence[ScanData], *, plane: str, labels: Sequence[str], held_out: float, label_share: float, seed: int
) -> Split:
    """Scans of `plane` with any label known: a share of the subjects is held out, and of the others' exams a share is
    trained on, each with its part of every combination of labels."""
    own = [
        scan
        for scan in sorted(scans, key=lambda scan: scan.id)
        if is_of(scan, plane) and any(truth_of(scan.meta, label) is not None for label in labels)
    ]
    patterns: dict[str, list[str]] = {}
    for scan in own:
        patterns.setdefault(_person(scan), []).append(pattern_of(scan.meta, labels))
    away = spread_share({who: "+".join(sorted(seen)) for who, seen in patterns.items()}, held_out, seed)
    rest = [scan for scan in own if _person(scan) not in away]
    kept = spread_share({scan.id: pattern_of(scan.meta, labels) for scan in rest}, label_share, seed)
    return Split(
        tuple(scan for scan in rest if scan.id in kept),
        tuple(scan for scan in own if _person(scan) in away),
        tuple(scan for scan in rest if scan.id not in kept),
    )


def _person(scan: ScanData) -> str:
    """Whose scan it is; one of nobody in particular is a subject of its own."""
    return scan.subject or scan.id


class Exams:
    """Scans with their frames, as many in memory as fit."""

    def __init__(self, scans: Sequence[ScanData], labels: Sequence[str], framing: Framing, context: Context) -> None:
        self.scans = tuple(scan.id for scan in scans)
        self.targets = targets_of(scans, labels)
        """(exams, labels): 0, 1, or NaN where unknown."""
        self.counts: list[int] = []
        """Slices of each."""
        self._lent, self._framing, self._context = tuple(scans), framing, context
        self._frames: dict[int, Tensor] = {}
        self._room = FREE_SHARE * psutil.virtual_memory().available

    def __len__(self) -> int:
        return len(self.scans)

    def read(self, done: int, total: int) -> None:
        """Makes the frames of every scan (cached), telling progress from `done` on."""
        for number in range(len(self)):
            self._context.progress(done + number, total, "Cutting scans into slices")
            self.counts.append(len(self.frames(number)))

    def frames(self, number: int) -> Tensor:
        """float16 (n, C, H, W): all slices of an exam."""
        if number in self._frames:
            return self._frames[number]
        frames = self._framing.images(self._lent[number], self._context)
        size = frames.numel() * frames.element_size()
        if size <= self._room:
            self._room -= size
            self._frames[number] = frames
        return frames


def targets_of(scans: Sequence[ScanData], labels: Sequence[str]) -> Tensor:
    """float32 (scans, labels): 1 yes, 0 no, NaN unknown."""
    known = {True: 1.0, False: 0.0, None: float("nan")}
    rows = [[known[truth_of(scan.meta, label)] for label in labels] for scan in scans]
    return torch.tensor(rows, dtype=torch.float32).view(len(rows), len(labels))


def epoch_of(targets: Tensor, *, oversample: bool) -> list[int]:
    """The exams of an epoch: each once, or with `oversample` those of the first label's rarer class as often as to come
    as frequent as the other."""
    rows = list(range(len(targets)))
    if not oversample:
        return rows
    first = targets[:, 0]
    sides = sorted(([n for n in rows if first[n] == value] for value in (0.0, 1.0)), key=len)
    rare, common = sides
    return rows + [rare[n % len(rare)] for n in range(len(common) - len(rare))] if rare else rows


def chunks(count: int, size: int) -> Iterator[slice]:
    """Neighbouring parts of `count`, at most `size` each."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
