"""Arrangements and cells of the puzzle, under the name that notebooks use."""

from sagittal_engine.kit.arrangements import arrangements
from sagittal_engine.kit.cells import cut_cells

__all__ = ["arrangements", "cut_cells"]
