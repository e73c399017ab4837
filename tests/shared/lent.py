"""What the engine lends a method, in memory: scans, a folder for what is cached, and what was said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch


class Lent:
    """As much of `sagittal.method.Context` as methods ask for."""

    device, seed = torch.device("cpu"), 0

    def __init__(self, folder: Path, scans: Sequence[Any]) -> None:
        self.folder, self.scans = folder, scans
        self.said: list[tuple[str, str]] = []

    def boundary(self) -> None:
        pass

    def progress(self, done: int, total: int, message: str) -> None:
        pass

    def cached(self, key: str, make: Callable[[Path], None]) -> Path:
        path = self.folder / key
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            make(path)
        return path

    def encoder_file(self, start: str) -> Path:
        return Path(start)

    def message(self, level: str, text: str) -> None:
        self.said.append((level, text))
