"""Where the classifiers of a diagnosis looked in an exam: a panel of saliency for each plane, drawn over its view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QStackedWidget, QWidget

from sagittal_app import diagnosis_words as words
from sagittal_app.desk import Desk
from sagittal_app.models.diagnoses import PLANES
from sagittal_app.pages.diagnosis_plane import PlanePane
from sagittal_app.saliency import SaliencyPanel
from sagittal_app.widgets.basics import UNIT, column, label, scrolled


class LookedPanel(QWidget):
    """Asks nothing of a network before it is looked at: loading one takes a moment."""

    def __init__(self, desk: Desk, panes: Mapping[str, PlanePane]) -> None:
        super().__init__()
        self.setObjectName("diagnosis_looked")
        self._panes = panes
        self._scans: Mapping[str, str] = {}
        self._runs: Sequence[tuple[str, str, str]] = ()
        self._label = ""
        self._due = self._used = False
        self.runs = QComboBox()
        self.runs.setObjectName("diagnosis_looked_run")
        self.runs.setToolTip(words.LOOKED_RUN_HELP)
        self.runs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.runs.setMinimumContentsLength(16)
        self.runs.currentIndexChanged.connect(lambda _index: self._ask_again())
        self._none = label(words.LOOKED_NONE, "soft", wrap=True)
        self._stack = QStackedWidget()
        self.panels: dict[str, SaliencyPanel] = {}
        for plane in PLANES:
            panel = self.panels[plane] = SaliencyPanel(desk)
            self._stack.addWidget(panel)
            panes[plane].lone.opened.connect(panel.redraw)
        body = column(self.runs, self._none, self._stack, None)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        content = QWidget()
        content.setLayout(body)
        self.setLayout(column(scrolled(content)))

    def show_runs(self, runs: Sequence[tuple[str, str, str]]) -> None:
        """The classifiers that were asked: run, its title, its plane ("" for any)."""
        if list(runs) != list(self._runs):
            self._runs = runs
            self._offer()

    def show_exam(self, scans: Mapping[str, str], name: str) -> None:
        """Another exam (plane → scan), or another label of it."""
        other, another = scans != self._scans, name != self._label
        self._scans, self._label = dict(scans), name
        if other:
            self._offer()
        elif another:
            self._ask_again()

    def _offer(self) -> None:
        """One line for each classifier and plane of the exam that it can be asked about; the plane chosen stays."""
        kept = self.runs.currentData()
        self.runs.blockSignals(True)
        self.runs.clear()
        for run, title, plane in self._runs:
            for one in [plane] if plane else PLANES:
                if one in self._scans and one in self.panels:
                    self.runs.addItem(words.LOOKED_RUN.format(plane=one.capitalize(), run=title), (run, one))
        places = [self.runs.itemData(place) for place in range(self.runs.count())]
        self.runs.setCurrentIndex(places.index(kept) if kept in places else min(0, len(places) - 1))
        self.runs.blockSignals(False)
        self._ask_again()

    def _ask_again(self) -> None:
        """Once it was used, maps follow the exam and label even while the inspector is hidden: no map of another label
        stays over a scan."""
        self._due = True
        if self.isVisible() or self._used:
            self._ask()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._due:
            self._ask()

    def _ask(self) -> None:
        self._due, self._used = False, True
        chosen = self.runs.currentData()
        self._none.setVisible(chosen is None)
        self._stack.setVisible(chosen is not None)
        if chosen is None:
            return
        run, plane = chosen
        panel = self.panels[plane]
        self._stack.setCurrentWidget(panel)
        panel.show_subject(run, self._scans[plane], self._panes[plane].lone.state, target=self._label)
