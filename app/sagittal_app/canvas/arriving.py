"""Scans that are shown while they are still being read: slices appear as they come, and the whole scan in the end."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from sagittal.facts import ImageLoan
from sagittal_app.canvas.state import CanvasState
from sagittal_app.desk import Desk

LOOK_MS = 100
"""Often enough for slices to seem to come by themselves, seldom enough to leave the processor to their reading."""


class Arriving(QObject):
    """Watches the scan shown for as long as it is not whole."""

    def __init__(self, desk: Desk, state: CanvasState, parent: QObject) -> None:
        super().__init__(parent)
        self._desk, self._state = desk, state
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        state.scan_changed.connect(self._begin)

    def _begin(self) -> None:
        if self._state.arriving:
            self._timer.start()
        else:
            self._timer.stop()

    def _look(self) -> None:
        loan = self._state.scan
        if loan is None or loan.arrival is None:
            self._timer.stop()
            return
        if not loan.arrival.under_way:
            self._timer.stop()
            self._end(loan, loan.arrival.problem)
        self._state.slices_arrived.emit()

    def _end(self, loan: ImageLoan, problem: str) -> None:
        if problem:
            self._desk.notify("error", problem)
            return
        self._desk.ask(
            self._desk.port.image,
            loan.scan,
            then=lambda whole: self._state.take_whole(loan, whole),
            owner=self,
            topic="whole",
        )
