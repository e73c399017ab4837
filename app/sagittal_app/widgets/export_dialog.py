"""Exporting a label set: what, of which scans, how and where to; then progress, and what reading back found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QFileDialog, QGridLayout, QLineEdit, QProgressBar, QWidget

from sagittal.events import Reason, TaskFinished, TaskProgress
from sagittal.exports import EXPORT_FORMATS, SERIES_AS, export_format
from sagittal.facts import ScanFacts, StudyFacts
from sagittal_app import export_words as words
from sagittal_app import messages
from sagittal_app.desk import Desk
from sagittal_app.models.label_sets import set_titles
from sagittal_app.task_follower import TaskFollower
from sagittal_app.widgets.basics import UNIT, button, column, label, row, set_role
from sagittal_app.widgets.scan_chooser import ScanChooser

LINES_SHOWN = 6
"""Refusals and differences told one by one."""
FOLDER_KEY = "export_folder"
FORMAT_KEY = "export_format"


class ExportDialog(QDialog):
    """One export. Closed while it runs, the export goes on, and its end is told as a notice."""

    def __init__(self, desk: Desk, parent: QWidget, label_set: str = "", scans: Sequence[str] = ()) -> None:
        """Offers `label_set`, of `scans` (ids) or all; what was chosen last time else."""
        super().__init__(parent)
        self.setObjectName("export_dialog")
        self.setWindowTitle(words.TITLE)
        self.setMinimumWidth(620)
        self._desk = desk
        self._folder = Path()
        self.tasks = TaskFollower(desk, self)
        self.tasks.progressed.connect(self._show_progress)
        self.tasks.finished.connect(self._finished)
        desk.bridge.event.connect(self.tasks.handle)
        self._make_widgets()
        self.setLayout(self._arrange())
        desk.study_model.changed.connect(self._show_study)
        self._wanted = label_set
        self._show_study(desk.study())
        if scans:
            self.scans.set_value(scans)

    # What it is made of --------------------------------------------------------------------------------------------

    def _make_widgets(self) -> None:
        self.sets = QComboBox()
        self.sets.setObjectName("export_set")
        self.sets.currentIndexChanged.connect(lambda _index: self._show_scans())
        self.format = QComboBox()
        self.format.setObjectName("export_format")
        for known in EXPORT_FORMATS:
            self.format.addItem(known.title, known.name)
        kept = self.format.findData(self._desk.settings.value(FORMAT_KEY, ""))
        self.format.setCurrentIndex(max(0, kept))
        self.format.currentIndexChanged.connect(lambda _index: self._show_format())
        self.about = label("", "soft", wrap=True)
        self.about.setObjectName("export_about")
        self.scans = ScanChooser(words.SCANS_ALL)
        self.scans.changed.connect(self._show_format)
        self.strange = label("", "warning", wrap=True)
        self.strange.setObjectName("export_strange")
        self.make_series = QCheckBox(words.MAKE_SERIES)
        self.make_series.setObjectName("export_make_series")
        self.make_series.setToolTip(words.MAKE_SERIES_HELP)
        self.make_series.toggled.connect(lambda _on: self._check())
        self.series_as = QComboBox()
        self.series_as.setObjectName("export_series_as")
        for name in SERIES_AS:
            self.series_as.addItem(words.SERIES_TITLES[name], name)
        self.series = QWidget()
        made_as = row(self.make_series, label(words.MAKE_AS), self.series_as, None)
        self.series.setLayout(column(self.strange, made_as))
        self.folder = QLineEdit(str(self._desk.settings.value(FOLDER_KEY, "")))
        self.folder.setObjectName("export_folder")
        self.folder.setPlaceholderText(words.FOLDER_HINT)
        self.folder.textChanged.connect(lambda _text: self._check())
        self.says = label("", "soft", wrap=True, selectable=True)
        self.says.setObjectName("export_result")
        self.says.hide()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.hide()
        self.show_folder = button(words.SHOW_FOLDER, "export_show_folder", self._open_folder)
        self.show_folder.hide()
        self.stop = button(messages.CANCEL, "export_cancel", self.tasks.cancel)
        self.stop.hide()
        self.leave = button(messages.CLOSE, "export_close", self.close)
        self.go = button(words.GO, "export_go", self.start, role="primary")
        self.go.setDefault(True)

    def _arrange(self) -> Any:
        form = QGridLayout()
        form.setColumnStretch(1, 1)
        form.setHorizontalSpacing(2 * UNIT)
        form.setVerticalSpacing(UNIT)
        where = row(self.folder, button(words.CHOOSE, "export_choose_folder", self._choose_folder))
        where.setStretch(0, 1)
        lines: list[tuple[str, Any]] = [
            (words.SET, self.sets),
            (words.SCANS, self.scans),
            (words.FORMAT, self.format),
            ("", self.about),
            ("", self.series),
            (words.FOLDER, where),
        ]
        for index, (title, part) in enumerate(lines):
            form.addWidget(label(title, "soft"), index, 0)
            if isinstance(part, QWidget):
                form.addWidget(part, index, 1)
            else:
                form.addLayout(part, index, 1)
        end = row(self.show_folder, None, self.stop, self.leave, self.go)
        body = column(form, self.bar, self.says, None, end, spacing=2 * UNIT)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        return body

    # What can be exported ------------------------------------------------------------------------------------------

    def _having(self) -> tuple[ScanFacts, ...]:
        """Scans that have the chosen label set."""
        facts, name = self._desk.study(), self.sets.currentData()
        return tuple(scan for scan in (facts.scans if facts else ()) if any(s.name == name for s in scan.label_sets))

    def _chosen(self) -> list[ScanFacts]:
        ids = self.scans.value()
        return [scan for scan in self._having() if not ids or scan.scan in ids]

    def _show_study(self, facts: StudyFacts | None) -> None:
        """Fills the label sets; the one chosen stays."""
        scans = facts.scans if facts else ()
        counts: dict[str, int] = {}
        for scan in scans:
            for one in scan.label_sets:
                counts[one.name] = counts.get(one.name, 0) + 1
        titles = {name: name for name in counts} | set_titles(scans)
        kept = self.sets.currentData()
        if self._wanted in counts:  # a set painted just now is listed once it is saved
            kept, self._wanted = self._wanted, ""
        self.sets.blockSignals(True)
        self.sets.clear()
        for name, count in counts.items():
            title = words.SET_TITLE.format(name=titles[name], scans=messages.count(count, "scan"))
            self.sets.addItem(title, name)
        self.sets.setCurrentIndex(max(0, self.sets.findData(kept)))
        self.sets.blockSignals(False)
        self._show_scans()

    def _show_scans(self) -> None:
        self.scans.show_scans(self._having())
        self._show_format()

    def _show_format(self) -> None:
        known = export_format(self.format.currentData())
        assert known is not None
        chosen = self._chosen()
        strange = sum(scan.kind != "dicom" for scan in chosen)
        self.about.setText(known.text)
        self.series.setVisible(known.name == "dicom-seg")
        self.strange.setVisible(strange > 0)
        self.strange.setText(
            words.NO_DICOM.format(
                strange=strange,
                scans=messages.count(len(chosen), "scan"),
                are="is" if strange == 1 else "are",
            )
        )
        self._check()

    def _check(self) -> None:
        """What is missing keeps the button grey."""
        if not self.sets.count():
            self._say(words.NO_SETS)
        waits = self.strange.isVisibleTo(self) and not self.make_series.isChecked()
        idle = not self.tasks.busy
        self.go.setEnabled(bool(idle and self._chosen() and self.folder.text().strip() and not waits))

    # The export ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Exports what is chosen."""
        self._folder = Path(self.folder.text().strip()).expanduser()
        self._desk.settings.set(FOLDER_KEY, str(self._folder))
        self._desk.settings.set(FORMAT_KEY, self.format.currentData())
        made = self.series.isVisibleTo(self) and self.make_series.isChecked()
        series = self.series_as.currentData() if made else ""
        label_set, format, folder = self.sets.currentData(), self.format.currentData(), self._folder
        ids = [scan.scan for scan in self._chosen()] if self.scans.value() else ()
        port = self._desk.port
        self.tasks.start(
            lambda: port.start_export(label_set, format, folder, ids, make_series=series), failed=self._not_started
        )
        self._set_going(True)
        self._say(words.GOING)

    def _set_going(self, going: bool) -> None:
        for part in (self.sets, self.format, self.scans, self.series, self.folder):
            part.setEnabled(not going)
        self.bar.setRange(0, 0)
        self.bar.setVisible(going)
        self.stop.setVisible(going)
        self.show_folder.hide()
        self.leave.setText(words.BACKGROUND if going else messages.CLOSE)
        self._check()

    def _show_progress(self, event: TaskProgress) -> None:
        self.bar.setRange(0, event.total)
        self.bar.setValue(event.done)
        self._say(event.message)

    def _not_started(self, sentence: str, _detail: str) -> None:
        self._set_going(False)
        self._say(sentence, "danger")

    def _finished(self, event: TaskFinished) -> None:
        self._set_going(False)
        if event.reason is Reason.COMPLETED:
            level, role, text = outcome(event.result, self._folder)
            self._say(text, role)
            self.show_folder.show()
            if not self.isVisible():
                self._desk.notify(level, text)
        elif event.reason is Reason.CANCELLED:
            self._say(words.CANCELLED.format(folder=self._folder))
        else:
            self._say(event.error, "danger")
        if not self.isVisible():
            self.deleteLater()

    def _say(self, text: str, role: str = "soft") -> None:
        self.says.setText(text)
        set_role(self.says, role)
        self.says.setVisible(bool(text))

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, words.FOLDER_TITLE, self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))

    def done(self, result: int) -> None:
        """Closed: gone at once, or, while an export runs, when that is over."""
        super().done(result)
        if not self.tasks.busy:
            self.deleteLater()


def outcome(result: Any, folder: Path) -> tuple[str, str, str]:
    """What came of an export: level of a notice, role of a label, and the sentences."""
    files = messages.count(len(result.get("files", ())), "file")
    refused = [f"{row['name']}: {row['reason']}" for row in result.get("refused", ())]
    if not result.get("verified"):
        lines = [words.NOT_VERIFIED.format(files=files, folder=folder), *_some(result.get("differences", ()))]
        return "error", "danger", "\n".join(lines)
    lines = [words.VERIFIED.format(files=files, folder=folder)]
    if refused:
        lines += [words.REFUSED.format(count=messages.count(len(refused), "scan")), *_some(refused)]
    return ("warning", "warning", "\n".join(lines)) if refused else ("info", "good", lines[0])


def _some(sentences: Sequence[str]) -> list[str]:
    """The first few, and how many more there are."""
    more = len(sentences) - LINES_SHOWN
    return [*sentences[:LINES_SHOWN], *([words.MORE.format(count=more)] if more > 0 else [])]
