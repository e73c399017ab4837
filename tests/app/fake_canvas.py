"""A canvas that draws nothing, for tests of pages whose pictures are looked at elsewhere: napari takes its time."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, Signal
from PySide6.QtWidgets import QWidget


class BlankCanvas(QWidget):
    """Stands for `PlaneCanvas`: a pixel is a millimetre, nothing moves."""

    looked = Signal(float, float, float)
    zoom = 1.0
    centre = (0.0, 0.0)

    def to_plane(self, point: QPointF) -> tuple[float, float]:
        return point.y(), point.x()

    def to_widget(self, row: float, column: float) -> QPointF:
        return QPointF(column, row)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_args, **_more: None
