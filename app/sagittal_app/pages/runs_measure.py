"""The Runs page's "Measure" button: what the chosen run allows, the form of each, and the task it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QMenu, QPushButton

from sagittal.measure import MeasureCard
from sagittal.method import MethodCard
from sagittal.run_record import RunRecord
from sagittal_app import messages, saliency_words, theme
from sagittal_app.desk import Desk
from sagittal_app.forms.measure_form import MeasureDialog, Measurement, fitting
from sagittal_app.models.saliency import can_be_asked


class MeasureButton(QPushButton):
    """A button with a menu of measurements; empty of choice until a run with a checkpoint is shown.

    `started` holds the ids of tasks it began.
    """

    def __init__(self, desk: Desk, earlier: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        """`earlier()` gives the documents of the shown run's spectra, from which the next one's cost is told."""
        super().__init__(messages.MEASURE)
        self.setObjectName("run_measure")
        self.setToolTip(messages.MEASURE_HELP)
        theme.set_icon(self, "mdi6.ruler", "text", 18)
        self.started: set[str] = set()
        self._desk = desk
        self._earlier = earlier
        self._record: RunRecord | None = None
        self._title = ""
        self._menu = QMenu(self)
        self._menu.setObjectName("measure_menu")
        self._menu.setToolTipsVisible(True)
        self.setMenu(self._menu)
        self.show_run(None, None, ())

    def show_run(self, record: RunRecord | None, card: MethodCard | None, cards: Sequence[MeasureCard]) -> None:
        """Offers what the run's method allows of `cards`."""
        self._record = record
        self._menu.clear()
        saved = record is not None and bool(record.checkpoints)
        for one in fitting(cards, card.capabilities) if saved and card is not None else []:
            action = self._menu.addAction(f"{one.title}…")
            action.setObjectName(f"measure_{one.name}")
            action.setToolTip(one.summary)
            action.triggered.connect(lambda _checked=False, one=one: self.ask(one))
        if record is not None and card is not None and saved and can_be_asked(record, card):
            self._title = f"{card.title} {record.facts.run}"
            look = self._menu.addAction(saliency_words.TITLE)
            look.setObjectName("measure_saliency")
            look.setToolTip(saliency_words.ABOUT)
            look.triggered.connect(lambda _checked=False: self.look_back())
        self.setEnabled(not self._menu.isEmpty())
        unsaved = record is not None and not saved
        self.setToolTip(messages.MEASURE_UNSAVED if unsaved else messages.MEASURE_HELP)

    def ask(self, card: MeasureCard) -> None:
        """Opens the form of a measurement of the shown run."""
        if self._record is None:
            return
        dialog = MeasureDialog(card, self._record, self._desk.study(), self.window(), earlier=self._earlier())
        dialog.asked.connect(self._start)
        dialog.open()

    def look_back(self) -> None:
        """Opens a window on where the shown run's network looked."""
        from sagittal_app.saliency_window import SaliencyWindow

        if self._record is not None:
            SaliencyWindow(self._desk, self._record, self._title, self.window()).show()

    def _start(self, measurement: Measurement) -> None:
        self._desk.ask(measurement.start, self._desk.port, then=self.started.add, owner=self)
