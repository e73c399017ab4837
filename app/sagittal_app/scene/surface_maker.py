"""Makes the surfaces of the labels shown, one after the other in the background, and keeps up with painting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.geometry import Box
from sagittal_app.canvas.state import CanvasState
from sagittal_app.scene import surfaces

AFTER_EDIT_MS = 800
"""Surfaces follow the brush after this pause."""

Ask = Callable[..., None]


class SurfaceMaker(QObject):
    """At most one question is on its way at a time, so that painting on never piles up work.

    `wanted()` says whether somebody looks; nothing is made while nobody does. `ask` is `Desk.ask`.
    """

    made = Signal(object)
    """A `Surface`."""
    there = Signal(object)
    """Numbers of the labels that have voxels: surfaces of all others must go."""
    progress = Signal(int, int)
    """Which surface of how many is being made; 0, 0 when all are there."""
    failed = Signal(str)

    def __init__(self, state: CanvasState, ask: Ask, wanted: Callable[[], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._ask = ask
        self._wanted = wanted
        self.largest = surfaces.LARGEST
        """Voxels a surface is made from at most."""
        self._smooth = True
        self._document: LabelDocument | None = state.document
        self._boxes: dict[int, Box] | None = None
        """Where the labels were found; None while they have not been searched."""
        self._dirty: Box | None = None
        self._queue: list[int] = []
        self._total = 0
        self._busy = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(AFTER_EDIT_MS)
        self._timer.timeout.connect(self.catch_up)
        state.voxels_changed.connect(self._edited)

    def begin(self) -> None:
        """Another label set, or none: starts anew."""
        self._document = self._state.document
        self._boxes, self._dirty, self._queue = None, None, []
        self.there.emit(set())
        self.progress.emit(0, 0)
        self.catch_up()

    def set_smooth(self, smooth: bool) -> None:
        """Makes all surfaces again, smoothed or as the voxels are."""
        if smooth != self._smooth:
            self._smooth = smooth
            self._queue = list(self._boxes or ())
            self._total = len(self._queue)
            self.catch_up()

    def stop(self) -> None:
        self._timer.stop()
        self._queue = []

    def catch_up(self) -> None:
        """Makes what is missing, where somebody looks."""
        document = self._document
        if self._busy or document is None or not self._wanted():
            return
        if self._queue:
            self._make_next(document)
        elif self._boxes is None or self._dirty is not None:
            dirty, self._dirty = self._dirty, None
            self._start(surfaces.survey, document.data, self._boxes, dirty, then=self._surveyed)

    def _edited(self, box: Box) -> None:
        self._dirty = box.union(self._dirty)
        self._timer.start()

    def _surveyed(self, found: tuple[dict[int, Box], tuple[int, ...]]) -> None:
        self._boxes, wanted = found
        self._queue, self._total = list(wanted), len(wanted)
        self.there.emit(set(self._boxes))
        if not wanted:
            self.progress.emit(0, 0)

    def _make_next(self, document: LabelDocument) -> None:
        number = self._queue.pop(0)
        box = (self._boxes or {}).get(number)
        if box is None:
            self.catch_up()
            return
        self.progress.emit(self._total - len(self._queue), self._total)
        self._start(
            surfaces.surface, document.data, number, box, self._state.affine, self._smooth, self.largest, then=self._put
        )  # fmt: skip

    def _put(self, surface: surfaces.Surface) -> None:
        self.made.emit(surface)
        if not self._queue:
            self.progress.emit(0, 0)

    def _start(self, function: Callable[..., Any], *args: Any, then: Callable[[Any], None]) -> None:
        """Asks; the answer counts only where the label set is still the same."""
        document, smooth = self._document, self._smooth
        self._busy = True

        def answered(value: Any) -> None:
            self._busy = False
            if document is self._document and (smooth == self._smooth or function is surfaces.survey):
                then(value)
            self.catch_up()

        def broke(sentence: str, _detail: str) -> None:
            self._busy = False
            self._queue = []
            self.progress.emit(0, 0)
            self.failed.emit(sentence)

        self._ask(function, *args, then=answered, failed=broke, owner=self)
