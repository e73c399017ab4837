"""Taking results out of the study: label maps in a format of choice, and the table of volumes and times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QFileDialog, QWidget

from sagittal.events import Reason, TaskFinished
from sagittal_app import messages
from sagittal_app import review_words as words
from sagittal_app.canvas import words as canvas_words
from sagittal_app.desk import Desk
from sagittal_app.pages.results_tasks import TaskFollower
from sagittal_app.widgets.basics import button, column, label, row

FORMATS = {"NIfTI": "nifti", "NRRD (3D Slicer)": "nrrd", "DICOM SEG": "dicom-seg", "STL surfaces": "stl"}


class ExportPanel(QWidget):
    """`label_set()` names the set shown, `save()` writes what is unsaved of it."""

    def __init__(self, desk: Desk, label_set: Callable[[], str], save: Callable[[], object]) -> None:
        super().__init__()
        self.setObjectName("results_export_panel")
        self._desk, self._label_set, self._save = desk, label_set, save
        self._folder = Path()
        self.tasks = TaskFollower(desk, self)
        self.tasks.finished.connect(self._finished)
        self.format = QComboBox()
        self.format.setObjectName("export_format")
        for title, name in FORMATS.items():
            self.format.addItem(title, name)
        self.button = button("Export…", "results_export", self.export, icon="mdi6.export-variant")
        self.table_button = button(
            words.TABLE_BUTTON, "results_table", self.write_table, icon="mdi6.table-arrow-down", help=words.TABLE_HELP
        )
        self.says = label("", "soft", wrap=True, selectable=True)
        self.says.setObjectName("export_result")
        self.setLayout(column(row(self.format, self.button), self.table_button, self.says))

    def export(self) -> None:
        """Asks for a folder and exports the label set of every case."""
        if self._label_set():
            folder = QFileDialog.getExistingDirectory(self, "Export to folder")
            if folder:
                self.export_to(Path(folder))

    def export_to(self, folder: Path) -> None:
        """Writes the label set shown and reads back what was written."""
        self._save()
        self._folder = folder
        self.says.setText(canvas_words.EXPORTING)
        start = self._desk.port.start_export
        self.tasks.start(start, self._label_set(), self.format.currentData(), folder, failed=self._refused)

    def write_table(self) -> None:
        """Asks for a file and writes volumes, reviews and times of every case."""
        name = self._label_set()
        if name:
            path, _ = QFileDialog.getSaveFileName(self, words.TABLE_TITLE, f"{name}.csv", words.TABLE_FILTER)
            if path:
                self.write_table_to(Path(path))

    def write_table_to(self, path: Path) -> None:
        self._save()
        self.says.setText(canvas_words.EXPORTING)
        self.tasks.start(self._desk.port.start_review_table, self._label_set(), path, failed=self._refused)

    def _refused(self, sentence: str, _detail: str) -> None:
        self.says.setText(sentence)

    def _finished(self, event: TaskFinished) -> None:
        result = event.result
        if event.reason is not Reason.COMPLETED:
            self.says.setText(event.error or ("Cancelled." if event.reason is Reason.CANCELLED else "Stopped."))
        elif event.kind == "export":
            files = messages.count(len(result.get("files", ())), "file")
            text = canvas_words.EXPORT_VERIFIED if result.get("verified") else canvas_words.EXPORT_NOT_VERIFIED
            self.says.setText(text.format(files=files, folder=self._folder))
        else:
            text = words.TABLE_WRITTEN if result.get("verified") else words.TABLE_WRONG
            self.says.setText(text.format(rows=messages.count(int(result["rows"]), "row"), file=result["file"]))
