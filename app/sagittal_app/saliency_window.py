"""A window of its own for one run's saliency: the study's scans, a slice view with the map over it, and the panel.

Several may be open: the same scan under two runs, or a run at two checkpoints, side by side.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QListWidget, QListWidgetItem, QSplitter, QWidget

from sagittal.facts import StudyFacts
from sagittal.run_record import RunRecord
from sagittal_app import saliency_words as words
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.lone_view import LoneView
from sagittal_app.desk import Desk
from sagittal_app.models.saliency import fitting, plane_of
from sagittal_app.saliency import SaliencyPanel
from sagittal_app.widgets.basics import UNIT, Panel, column, label, scrolled

SIZE = (1240, 760)
LIST_WIDTH, PANEL_WIDTH = 240, 336


class SaliencyWindow(QDialog):
    """Closes itself with the study."""

    def __init__(self, desk: Desk, record: RunRecord, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("saliency_window")
        self.setWindowTitle(words.WINDOW.format(run=title))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.resize(*SIZE)
        self._desk, self._run = desk, record.facts.run
        facts = desk.study()
        self._study = facts.path if facts else ""
        self.plane = plane_of(record) or Plane.AXIAL
        self.list = QListWidget()
        self.list.setObjectName("saliency_scans")
        for scan in fitting(facts.scans if facts else (), self.plane):
            item = QListWidgetItem(scan.name)
            item.setData(Qt.ItemDataRole.UserRole, scan.scan)
            item.setToolTip(scan.name)
            self.list.addItem(item)
        self.list.currentItemChanged.connect(lambda item, _before: self._show(item))
        self.view = LoneView(desk, self.plane)
        self.view.opened.connect(lambda: self.panel.redraw())
        self.panel = SaliencyPanel(desk)
        left = Panel(words.SCANS)
        left.body.addWidget(self.list if self.list.count() else label(words.SCANS_NONE, "soft", wrap=True), 1)
        right = Panel(words.PANEL)
        right.body.addWidget(scrolled(self.panel, "saliency_scroll"), 1)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setObjectName("saliency_splitter")
        split.setHandleWidth(UNIT)
        for part in (left, self.view, right):
            split.addWidget(part)
        split.setSizes([LIST_WIDTH, SIZE[0] - LIST_WIDTH - PANEL_WIDTH, PANEL_WIDTH])
        split.setStretchFactor(1, 1)
        body = column(split)
        body.setContentsMargins(UNIT, UNIT, UNIT, UNIT)
        self.setLayout(body)
        desk.study_model.changed.connect(self._study_changed)
        self.list.setCurrentRow(0)

    def _show(self, item: QListWidgetItem | None) -> None:
        scan = str(item.data(Qt.ItemDataRole.UserRole)) if item is not None else ""
        self.view.show_scan(scan)
        self.panel.show_subject(self._run, scan, self.view.state)

    def _study_changed(self, facts: StudyFacts | None) -> None:
        if (facts.path if facts else "") != self._study:
            self.close()

    def done(self, result: int) -> None:
        """However it is closed; what is still being read is let go."""
        self.view.show_scan("")
        self.panel.show_subject("", "", None)
        self.view.shut_down()
        super().done(result)
