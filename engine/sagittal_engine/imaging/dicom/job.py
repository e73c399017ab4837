"""What a job of the helper process takes and gives; see `guarded`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from sagittal_engine.imaging.volume import Array

Answer: TypeAlias = tuple[dict[str, Any], Array | None]
"""What is told, and pixels where they go with it; `more` among the told says whether another answer follows."""
Limits: TypeAlias = Callable[[int, float], Callable[[], AbstractContextManager[object]]]
"""From bytes and seconds that a job needs above the least, limits its memory; gives what limits the time of a block."""

TIMES = 16
"""Bytes of memory that a job has for each byte of a frame."""
