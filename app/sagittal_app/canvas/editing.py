"""Commands on labels: each computed in the background, one at a time, and applied as one step of undo."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from sagittal.facts import LabelLoan
from sagittal_app.canvas import operations, tool_words
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.geometry import Box
from sagittal_app.canvas.operations import Change, Mask, Scope, Task, Tick
from sagittal_app.canvas.state import CanvasState

Ask = Callable[..., None]
POLL_MS = 100


class Cancelled(Exception):
    """The user cancelled a task."""


class Editing(QObject):
    """Runs tasks on the labels of `state`. `ask` is `Desk.ask`; `tell` shows one sentence to the user."""

    began = Signal(str)
    """The title of the task that is being computed."""
    progressed = Signal(float, float)
    """Its share done, and the seconds it has taken."""
    ended = Signal()

    def __init__(
        self, state: CanvasState, ask: Ask, tell: Callable[[str], object], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.state = state
        self._ask = ask
        self._tell = tell
        self._running: Task | None = None
        self._cancel = threading.Event()
        self._share = 0.0
        self._since = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(lambda: self.progressed.emit(self._share, time.monotonic() - self._since))
        state.task_wanted.connect(self.run)
        state.document_changed.connect(self.cancel)

    # Commands ------------------------------------------------------------------------------------------------------

    def commands(self) -> dict[str, Callable[[], object]]:
        """What each of these ids of `keys.ACTIONS` does."""
        return {
            "in_3d": lambda: self.state.set_options(in_3d=not self.state.options.in_3d),
            "copy_on": lambda: self.copy(1),
            "copy_back": lambda: self.copy(-1),
            "interpolate": self.interpolate,
            "smooth_label": self.smooth,
            "largest": self.keep_largest,
            "holes": self.fill_holes,
        }

    def copy(self, by: int) -> None:
        """Adds the active label of this slice to the next one (1) or the one before (-1), and goes there."""
        document, view, at = self.state.document, self.state.view_of(self.state.plane), list(self.state.position)
        if document is None or not self._may_change(document):
            return
        through = view.through
        here = Scope(document.data, document.active, view.spacing, (through, at[through]))
        box = here.box()
        if box is None:
            self._tell(tool_words.NOTHING_TO_COPY.format(label=document.name_of(document.active)))
        elif not 0 <= at[through] + by < view.slices:
            self._tell(tool_words.NO_SLICE_THERE)
        else:
            start, stop = list(box.start), list(box.stop)
            start[through], stop[through] = start[through] + by, stop[through] + by
            there = Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
            document.reshape("copy", document.active, here.flat(there, here.mask(box)), operations.NONE.removed)
            self.state.step(self.state.plane, by)

    def interpolate(self) -> None:
        """Fills the slices, along the view last worked on, between those on which the active label is painted."""
        axis = self.state.view_of(self.state.plane).through
        self._start(tool_words.INTERPOLATE, "interpolate", operations.interpolated, axis, whole=True)

    def smooth(self) -> None:
        self._start(tool_words.SMOOTH, "smooth", operations.smoothed, self.state.options.smoothing)

    def keep_largest(self) -> None:
        self._start(tool_words.LARGEST, "largest island", operations.largest_island)

    def fill_holes(self) -> None:
        self._start(tool_words.HOLES, "fill holes", operations.holes_filled)

    def combine(self, how: str, number: int, lend: Callable[[], LabelLoan] | None = None) -> None:
        """Joins the active label with label `number`, takes that away from it, or keeps only what both have.

        The other label is one of the same set, or of the set that `lend` gives (in the background).
        """
        document = self.state.document
        assert document is not None

        def compute(scope: Scope, tick: Tick) -> Change:
            other = document.data if lend is None else lend().data

            def mask(box: Box) -> Mask:
                return other[box.slices()] == number

            return operations.combined(scope, mask, how, tick)

        self._start(tool_words.COMBINE, how, compute)

    def _start(self, title: str, tool: str, operation: Callable[..., Change], *more: Any, whole: bool = False) -> None:
        """Runs an operation on the active label: on this slice, or in the scan where 3D is on or `whole` says so."""
        document, view = self.state.document, self.state.view_of(self.state.plane)
        if document is None or not self._may_change(document):
            return
        on = None if whole or self.state.options.in_3d else (view.through, self.state.position[view.through])
        scope = Scope(document.data, document.active, view.spacing, on)
        where = tool_words.ON_SLICE if on else tool_words.IN_SCAN
        self.run(Task(title, tool, document.active, lambda tick: operation(scope, *more, tick), where))

    def _may_change(self, document: LabelDocument) -> bool:
        if not document.writable:
            self._tell(tool_words.NO_TASK_READ_ONLY)
        elif document.active in document.locked:
            self._tell(tool_words.NO_TASK_LOCKED.format(label=document.name_of(document.active)))
        else:
            return True
        return False

    # Running -------------------------------------------------------------------------------------------------------

    def run(self, task: Task) -> None:
        """Computes a task in the background and applies it; refuses while another is being computed."""
        document = self.state.document
        if document is None:
            return
        if self._running is not None:
            self._tell(tool_words.BUSY.format(running=self._running.title))
            return
        document.end_stroke()
        cancel = self._cancel = threading.Event()
        self._running, self._share, self._since = task, 0.0, time.monotonic()
        self._timer.start()
        self.began.emit(task.title)

        def tick(share: float) -> None:
            if cancel.is_set():
                raise Cancelled
            self._share = share

        def compute() -> Change | None:
            try:
                tick(0.0)
                made = task.compute(tick)
                tick(1.0)
            except Cancelled:
                return None
            return made

        self._ask(
            compute,
            then=lambda change: self._apply(task, document, change),
            failed=lambda sentence, _detail: self._stopped(sentence),
            owner=self,
        )

    @property
    def running(self) -> bool:
        return self._running is not None

    def cancel(self) -> None:
        """Stops the task that is being computed at its next step; it changes nothing."""
        self._cancel.set()

    def _apply(self, task: Task, document: LabelDocument, change: Change | None) -> None:
        if change is None or document is not self.state.document:
            self._stopped(tool_words.CANCELLED.format(title=task.title))
            return
        added, removed = (change.removed, change.added) if task.erase else (change.added, change.removed)
        name, before = document.name_of(task.label), document.history.depth
        document.reshape(task.tool, task.label, added, removed)
        self.state.reveal(task.label)
        if document.history.depth == before:
            self._stopped(tool_words.NO_CHANGE.format(title=task.title, label=name, where=task.where))
        else:
            sizes = {"added": f"{added.size:,}", "removed": f"{removed.size:,}"}
            self._stopped(tool_words.CHANGED.format(title=task.title, **sizes))

    def _stopped(self, sentence: str) -> None:
        self._running = None
        self._timer.stop()
        self.ended.emit()
        self._tell(sentence)
