"""What is cut into slices and patches in tests, and who asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass
class FakeScan:
    volume: np.ndarray
    id: str = "scan1"
    subject: str = "s1"
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    meta: Mapping[str, str] = field(default_factory=dict)
    truth: Mapping[str, np.ndarray] = field(default_factory=dict)

    def image(self) -> np.ndarray:
        return self.volume.astype(np.float32)

    def labels(self) -> Mapping[str, np.ndarray]:
        return self.truth


class FakeContext:
    """As much of a run's context as cutting asks for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.made, self.said, self.shown = folder, 0, [], []

    def progress(self, done: int, total: int, message: str) -> None:
        self.shown.append((done, total))

    def message(self, level: str, text: str) -> None:
        self.said.append((level, text))

    def cached(self, key: str, make: Callable[[Path], None]) -> Path:
        path = self.folder / key
        if not path.exists():
            self.made += 1
            path.parent.mkdir(parents=True, exist_ok=True)
            make(path)
        return path
