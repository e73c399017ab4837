"""Scans that are not where they were: looked for in a folder the user chooses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QHeaderView, QProgressBar, QTreeWidget, QTreeWidgetItem, QWidget

from sagittal.events import Event, Reason, TaskFinished, TaskProgress
from sagittal.facts import ScanFacts
from sagittal_app import care_words as words
from sagittal_app import messages
from sagittal_app.desk import Desk
from sagittal_app.widgets.basics import UNIT, Elided, button, column, label, row, set_role


class RelinkDialog(QDialog):
    """Lists the scans, looks for them, says of each whether it was found; can be asked again with another folder."""

    def __init__(self, desk: Desk, missing: Sequence[ScanFacts], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("relink_dialog")
        self.setWindowTitle(words.RELINK_TITLE)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk = desk
        self._task = ""
        self._start = str(Path(missing[0].path).parent.parent) if missing else ""
        self._rows: dict[str, QTreeWidgetItem] = {}
        self.tree = self._make_tree(missing)
        self._said = label("", wrap=True)
        self._said.setObjectName("relink_said")
        self._words = Elided("", "soft")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.hide()
        self._go = button(words.RELINK_CHOOSE, "relink_choose", self._choose, role="primary")
        self._stop = button(messages.CANCEL, "relink_cancel", self._cancel)
        self._stop.hide()
        progress = row(self._words, self._bar, spacing=2 * UNIT)
        progress.setStretch(0, 1)
        end = row(self._said, self._stop, button(words.CLOSE, "relink_close", self.accept), self._go)
        end.setStretch(0, 1)
        text = words.RELINK_ABOUT.format(count=messages.count(len(missing), "scan"))
        body = column(label(text, "soft", wrap=True), self.tree, progress, end, spacing=2 * UNIT)
        body.setStretch(1, 1)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self.resize(860, 420)
        desk.bridge.event.connect(self._handle)

    def look_in(self, folder: Path) -> None:
        """Starts looking."""
        self._busy(True)
        self._said.setText("")
        self._desk.ask(
            self._desk.port.start_relink, folder, then=self._started, failed=self._failed, owner=self, topic="relink"
        )

    def _make_tree(self, missing: Sequence[ScanFacts]) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setObjectName("relink_list")
        tree.setHeaderLabels(words.RELINK_COLUMNS)
        tree.setRootIsDecorated(False)
        tree.setStyleSheet("QTreeWidget::item { padding: 6px 4px; }")
        tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        for scan in missing:
            path = Path(scan.path)
            self._rows[scan.scan] = QTreeWidgetItem(tree, [scan.name, str(path.parent), ""])
            self._rows[scan.scan].setToolTip(1, scan.path)
        tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        for where in (1, 2):
            tree.header().setSectionResizeMode(where, QHeaderView.ResizeMode.Stretch)
        return tree

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, words.RELINK_FOLDER_TITLE, self._start)
        if chosen:
            self._start = chosen
            self.look_in(Path(chosen))

    def _started(self, task: str) -> None:
        self._task = task

    def _failed(self, sentence: str, _detail: str) -> None:
        self._busy(False)
        self._say(sentence, "danger")

    def _cancel(self) -> None:
        self._desk.port.request_cancel(self._task)

    def _busy(self, busy: bool) -> None:
        self._go.setEnabled(not busy)
        self._bar.setVisible(busy)
        self._bar.setRange(0, 0)
        self._stop.setVisible(busy)
        self._words.say("")

    def _say(self, text: str, role: str) -> None:
        self._said.setText(text)
        set_role(self._said, role)

    def _handle(self, event: Event) -> None:
        if isinstance(event, TaskProgress) and event.source == self._task:
            self._words.say(event.message)
            self._bar.setRange(0, event.total)
            self._bar.setValue(event.done)
        elif isinstance(event, TaskFinished) and event.kind == "relink":
            self._busy(False)
            if event.reason is Reason.COMPLETED:
                self._show(event)
            else:
                self._say(event.error, "danger")

    def _show(self, event: TaskFinished) -> None:
        for one in reversed(event.result["found"]):  # a scan comes before its label maps, and is what is shown
            if one["scan"] in self._rows:
                self._rows[one["scan"]].setText(2, one["path"])
        gone = {one["scan"] for one in event.result["missing"]}
        for scan in gone & self._rows.keys():
            self._rows[scan].setText(2, words.RELINK_NOT_HERE)
        found, missing = len({one["scan"] for one in event.result["found"]} - gone), len(gone)
        amounts = {"found": messages.count(found, "scan"), "missing": missing}
        text = words.RELINK_NONE if not found else words.RELINK_SOME if missing else words.RELINK_FOUND
        self._say(text.format(**amounts), "good" if not missing else "warning")
        self._go.setEnabled(bool(missing))
