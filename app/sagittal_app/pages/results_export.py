"""Taking results out of the study: label sets through the export dialog, and the table of volumes and times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from sagittal.events import Reason, TaskFinished
from sagittal_app import export_words, messages
from sagittal_app import review_words as words
from sagittal_app.desk import Desk
from sagittal_app.task_follower import TaskFollower
from sagittal_app.widgets.basics import button, column, label
from sagittal_app.widgets.export_dialog import ExportDialog


class ExportPanel(QWidget):
    """`label_set()` names the set shown, `save()` writes what is unsaved of it."""

    def __init__(self, desk: Desk, label_set: Callable[[], str], save: Callable[[], object]) -> None:
        super().__init__()
        self.setObjectName("results_export_panel")
        self._desk, self._label_set, self._save = desk, label_set, save
        self.tasks = TaskFollower(desk, self)
        self.tasks.finished.connect(self._finished)
        self.button = button(export_words.COMMAND, "results_export", self.export, icon="mdi6.export-variant")
        self.table_button = button(
            words.TABLE_BUTTON, "results_table", self.write_table, icon="mdi6.table-arrow-down", help=words.TABLE_HELP
        )
        self.says = label("", "soft", wrap=True, selectable=True)
        self.says.setObjectName("table_result")
        self.setLayout(column(self.button, self.table_button, self.says))

    def export(self) -> None:
        """Opens the dialog that exports the label set of every case."""
        if self._label_set():
            self._save()
            ExportDialog(self._desk, self, self._label_set()).open()

    def write_table(self) -> None:
        """Asks for a file and writes volumes, reviews and times of every case."""
        name = self._label_set()
        if name:
            path, _ = QFileDialog.getSaveFileName(self, words.TABLE_TITLE, f"{name}.csv", words.TABLE_FILTER)
            if path:
                self.write_table_to(Path(path))

    def write_table_to(self, path: Path) -> None:
        self._save()
        self.says.setText(export_words.GOING)
        self.tasks.start(self._desk.port.start_review_table, self._label_set(), path, failed=self._refused)

    def _refused(self, sentence: str, _detail: str) -> None:
        self.says.setText(sentence)

    def _finished(self, event: TaskFinished) -> None:
        if event.reason is not Reason.COMPLETED:
            self.says.setText(event.error or ("Cancelled." if event.reason is Reason.CANCELLED else "Stopped."))
            return
        text = words.TABLE_WRITTEN if event.result.get("verified") else words.TABLE_WRONG
        rows = messages.count(int(event.result["rows"]), "row")
        refused = [words.TABLE_REFUSED.format(**row) for row in event.result.get("refused", ())]
        self.says.setText("\n".join([text.format(rows=rows, file=event.result["file"]), *refused]))
