"""Planes that lie strewn over a mapped file: their first slice is read in the background, for it goes through the file.

A large uncompressed scan is lent as a memory map. A slice across the file's slowest axis is one piece of it; one across
the fastest has a voxel or two on every page, so that the first such slice reads the whole file: seconds, in which
the window would answer to nothing. Once read, the pages are at hand and every further slice is quick.
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from sagittal.facts import ImageLoan
from sagittal_app.canvas.geometry import AXES, Plane
from sagittal_app.canvas.state import CanvasState
from sagittal_app.desk import Desk

MUCH = 64 * 2**20
"""Bytes of a file that are read too slowly, from a disk, for the window to wait for them."""


def strewn_planes(scan: ImageLoan | None) -> frozenset[Plane]:
    """Planes of the scan of which one slice touches more than `MUCH` of the file it is mapped from."""
    if scan is None or not _is_mapped(scan.data):
        return frozenset()
    return frozenset(plane for plane in Plane if touched(scan.data, AXES[plane][0]) > MUCH)


def touched(volume: NDArray[Any], through: int) -> int:
    """About how many bytes of memory a slice across axis `through` lies on, counted in whole pages."""
    pages = 1
    for axis in (axis for axis in range(3) if axis != through):
        span, stride = volume.shape[axis], abs(volume.strides[axis])
        pages *= span if stride >= mmap.PAGESIZE else max(1, -(-span * stride // mmap.PAGESIZE))
    return min(pages * mmap.PAGESIZE, volume.nbytes)


def _is_mapped(array: Any) -> bool:
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


class Strewn(QObject):
    """Keeps `state.awaited` at the planes whose first slice is still being read. To be made before the views."""

    def __init__(self, desk: Desk, state: CanvasState, parent: QObject) -> None:
        super().__init__(parent)
        self._desk, self._state = desk, state
        state.scan_changed.connect(self._begin)

    def _begin(self) -> None:
        state, scan = self._state, self._state.scan
        state.awaited = strewn_planes(scan)
        if scan is not None and state.awaited:
            slices = [state.view_of(plane).take(scan.data, state.position[state.view_of(plane).through])
                      for plane in state.awaited]  # fmt: skip
            self._desk.ask(_read, slices, then=lambda _none: self._there(scan), owner=self, topic="strewn")

    def _there(self, scan: ImageLoan) -> None:
        if self._state.scan is scan:
            self._state.awaited = frozenset()
            self._state.slices_arrived.emit()


def _read(slices: list[NDArray[Any]]) -> None:
    """Brings the pages of slices into memory."""
    for plane in slices:
        plane.copy()
