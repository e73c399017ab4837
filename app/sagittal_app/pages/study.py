"""The Study page: the scans as a table, importing, labels and meta labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtWidgets import QFileDialog, QLineEdit, QSplitter, QStackedWidget, QWidget

from sagittal.events import Event, Reason, StateChanged, TaskFinished, TaskProgress
from sagittal.facts import Label, ScanFacts, StudyFacts
from sagittal_app import export_words, importing, messages
from sagittal_app.actions import Command, tip
from sagittal_app.models.scan_table import NAME, ScanFilter, ScanTable, Thumbnails
from sagittal_app.pages.page import Page
from sagittal_app.widgets.basics import UNIT, EmptyState, button, column, label, row
from sagittal_app.widgets.export_dialog import ExportDialog
from sagittal_app.widgets.import_report import ImportProgress, ImportReport
from sagittal_app.widgets.pair_dialog import PairDialog
from sagittal_app.widgets.scan_inspector import ScanInspector
from sagittal_app.widgets.scan_view import ScanView
from sagittal_app.widgets.table_dialog import ask_table, ask_table_file

STEPS = {"look": messages.LOOKING, "import": messages.IMPORTING}
"""The tasks whose progress the page shows, and what they are called."""


class StudyPage(Page):
    """See the module's docstring."""

    name = "study"
    title = "Study"
    icon = "mdi6.table-large"
    shortcut = "Ctrl+1"

    def __init__(self, desk) -> None:
        super().__init__(desk)
        self._is_built = False
        self._import = ""
        self._left_out: list[Mapping[str, str]] = []
        """What the look before the import could not use, for its report."""
        self._inspector: ScanInspector | None = None

    def build(self) -> None:
        self._thumbnails = Thumbnails(self.desk.port.thumbnail, self.desk.background, self)
        self._table = ScanTable(self._thumbnails, self)
        self._filter = ScanFilter(self)
        self._filter.setSourceModel(self._table)
        self.view = ScanView("scan_table")
        self.view.setModel(self._filter)
        self.view.fit_columns()
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._selection_changed())
        self.view.doubleClicked.connect(lambda index: self._annotate())
        self.field = QLineEdit()
        self.field.setObjectName("scan_filter")
        self.field.setPlaceholderText(messages.FILTER_HINT)
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._look_for)
        self.amount = label("", "soft")
        self.amount.setObjectName("scan_count")
        files = button(messages.IMPORT_FILES, "import_files", self._import_files, icon="mdi6.file-plus-outline")
        folder = button(messages.IMPORT_FOLDER, "import_folder", self._import_folder, icon="mdi6.folder-plus-outline")
        out = button(export_words.GO + "…", "study_export", self._export, icon="mdi6.export-variant")
        out.setToolTip(tip(export_words.COMMAND, "Ctrl+E"))
        self._takes_in = (files, folder)
        bar = row(self.field, self.amount, files, folder, out, spacing=UNIT)
        bar.setStretch(0, 1)
        bar.insertSpacing(2, UNIT)
        self.progress = ImportProgress(self._cancel_import)
        self.report = ImportReport(self.show_subject)
        self.nothing = label(messages.FILTER_NOTHING, "soft")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.hide()
        table = QWidget()
        table.setLayout(column(bar, self.view, self.nothing))
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setObjectName("study_splitter")
        self.splitter.addWidget(table)
        self.splitter.addWidget(self.report)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setCollapsible(0, False)
        empty = EmptyState(
            "mdi6.tray-arrow-down",
            messages.STUDY_EMPTY,
            button(messages.IMPORT_FOLDER, "empty_import_folder", self._import_folder, role="primary"),
            button(messages.IMPORT_FILES, "empty_import_files", self._import_files),
            name="study_empty",
        )
        self.stack = QStackedWidget()
        self.stack.setObjectName("study_stack")
        self.stack.addWidget(empty)
        self.stack.addWidget(self.splitter)
        body = column(self.progress, self.stack)
        body.setStretch(1, 1)
        body.setContentsMargins(2 * UNIT, 0, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self._inspector = ScanInspector(
            self._write_table, self._write_meta, self._table_from_file, self._table_to_file, self._ask_patient
        )
        self._is_built = True

    def inspector(self) -> QWidget | None:
        return self._inspector

    def commands(self) -> list[Command]:
        is_open = lambda: self.desk.study() is not None  # noqa: E731
        may_write = lambda: (facts := self.desk.study()) is not None and not facts.read_only  # noqa: E731
        chosen = lambda: may_write() and self._is_built and bool(self.view.chosen())  # noqa: E731
        one = lambda: self._is_built and len(self.view.chosen()) == 1  # noqa: E731
        reported = lambda: self._is_built and self.report.isHidden()  # noqa: E731
        return [
            Command("study.import_files", messages.IMPORT_FILES, "Ctrl+I", self._import_files, may_write),
            Command("study.import_folder", messages.IMPORT_FOLDER, "Ctrl+Shift+I", self._import_folder, may_write),
            Command("study.import_pairs", f"{messages.PAIR_TITLE}…", "", self._import_pairs, may_write),
            Command("study.import_meta", "Import meta labels (CSV)…", "", self._import_meta, may_write),
            Command("study.report", "Show the last import report", "", lambda: self.report.show(), reported),
            Command("study.export", export_words.COMMAND, "Ctrl+E", self._export, is_open),
            Command(
                "study.names_in", export_words.TABLE_IMPORT_COMMAND, "",
                lambda: self._table_from_file(self._table_set()), may_write,
            ),
            Command(
                "study.names_out", export_words.TABLE_EXPORT_COMMAND, "",
                lambda: self._table_to_file(self._table_set()), lambda: bool(self._table_set()),
            ),
            Command("study.annotate", "Annotate the chosen scan", "Ctrl+Return", self._annotate, one),
            Command("study.remove", "Take the chosen scans out of the study", "Ctrl+Backspace", self._remove, chosen),
        ]  # fmt: skip

    def show_study(self, facts: StudyFacts | None) -> None:
        scans = facts.scans if facts else ()
        kept = [scan.scan for scan in self.view.chosen()]
        self._table.set_scans(scans)
        self._select(kept)
        self.view.make_room(scans)
        self.stack.setCurrentIndex(1 if scans else 0)
        self._say_amount()
        for way_in in self._takes_in:
            way_in.setEnabled(facts is not None and not facts.read_only)
        assert self._inspector is not None
        self._inspector.show_study(facts)
        self._inspector.show_scans(self.view.chosen())

    def handle(self, event: Event) -> None:
        if isinstance(event, StateChanged) and event.kind in STEPS and event.source != self._import:
            self._import = event.source
            self.progress.begin(STEPS[event.kind])
        elif event.source == self._import and isinstance(event, TaskProgress):
            self.progress.show_progress(event)
        elif isinstance(event, TaskFinished) and event.kind in STEPS:
            self.progress.hide()
            if event.reason is Reason.COMPLETED and event.kind == "look":
                self._left_out = list(event.result["refused"])
                importing.go_on(self.desk, self, event.result)
            elif event.reason is Reason.COMPLETED:
                self._finish_import(event)

    def show_subject(self, subject: str) -> None:
        self.field.clear()
        self._select([subject])
        rows = self.view.selectionModel().selectedRows(NAME)
        if rows:
            self.view.scrollTo(rows[0])

    def _finish_import(self, event: TaskFinished) -> None:
        known = {row["path"] for row in event.result.get("refused", ())}
        # What the look could not place, as a table of names, may have been used by the import.
        known.update(file for row in event.result.get("imported", ()) for file in row.get("files", ()))
        refused = [*event.result.get("refused", ()), *(row for row in self._left_out if row["path"] not in known)]
        self._left_out = []
        asks = self.report.show_report({**event.result, "refused": refused})
        imported = len(event.result.get("imported", ()))
        if asks:
            self.report.show()
            self.splitter.setSizes([max(240, self.height() - 240), 220])
        elif imported:
            text = messages.IMPORT_ALL_FINE.format(count=messages.count(imported, "scan"))
            self.desk.notify("info", text)
        else:
            self.desk.notify("info", messages.IMPORT_NOTHING_NEW)

    def _say_amount(self) -> None:
        total, shown = self._table.rowCount(), self._filter.rowCount()
        self.amount.setText(messages.count(total, "scan") if shown == total else f"{shown} of {total}")
        self.nothing.setVisible(total > 0 and shown == 0)

    def _look_for(self, text: str) -> None:
        self._filter.look_for(text)
        self._say_amount()

    def _select(self, scans: Sequence[str]) -> None:
        model = self.view.selectionModel()
        model.clearSelection()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for scan in scans:
            place = self._table.row_of(scan)
            if place is not None:
                model.select(self._filter.mapFromSource(self._table.index(place, NAME)), flags)

    def _selection_changed(self) -> None:
        if self._inspector is not None:
            self._inspector.show_scans(self.view.chosen())
        self.desk.actions.refresh()

    # What can be done

    def _import_files(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(self, messages.IMPORT_TITLE, "", messages.IMPORT_FILTER)
        if chosen:
            self._start([Path(path) for path in chosen])

    def _import_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, messages.IMPORT_FOLDER_TITLE)
        if chosen:
            self._start([Path(chosen)])

    def _import_pairs(self) -> None:
        dialog = PairDialog(self)
        dialog.chosen.connect(lambda images, labels: self._start(images, labels))
        dialog.open()

    def _import_meta(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, messages.META_TITLE, "", messages.META_FILTER)
        if chosen:
            self._start([], meta=Path(chosen))

    def _start(self, paths: Sequence[Path], labels: Sequence[Path] = (), meta: Path | None = None) -> None:
        self.desk.ask(lambda: importing.begin(self.desk.port, paths, labels, meta), owner=self)

    def _cancel_import(self) -> None:
        self.desk.port.request_cancel(self._import)

    def _annotate(self) -> None:
        chosen = self.view.chosen()
        if chosen:
            self.desk.go_to("annotate", chosen[0].scan)

    def _remove(self) -> None:
        scans = [scan.scan for scan in self.view.chosen()]
        amount = messages.count(len(scans), "scan")
        undo = Command("study.undo_remove", messages.UNDO_BUTTON, "", lambda: self._restore(scans))
        tell = lambda _none: self.desk.notify("info", messages.REMOVED.format(count=amount), "", undo)  # noqa: E731
        self.desk.ask(self.desk.port.remove_scans, scans, then=tell, owner=self)

    def _restore(self, scans: Sequence[str]) -> None:
        amount = messages.count(len(scans), "scan")
        tell = lambda _none: self.desk.notify("info", messages.RESTORED.format(count=amount))  # noqa: E731
        self.desk.ask(self.desk.port.restore_scans, scans, then=tell, owner=self)

    def _write_table(self, label_set: str, labels: Sequence[Label]) -> None:
        self.desk.ask(self.desk.port.set_label_table, label_set, labels, owner=self)

    def _ask_patient(self, scan: ScanFacts, then: Callable[[str], object]) -> None:
        self.desk.ask(self.desk.port.patient, Path(scan.path), then=then, owner=self, topic="patient")

    def _table_set(self) -> str:
        """The label set whose names and colours are shown."""
        return self._inspector.labels.choice.currentText() if self._inspector is not None else ""

    def _table_from_file(self, label_set: str) -> None:
        ask_table(self.desk, self, label_set)

    def _table_to_file(self, label_set: str) -> None:
        ask_table_file(self.desk, self, label_set)

    def _export(self) -> None:
        """Offers the labels of the chosen scans; of all where at most one is chosen."""
        chosen = [scan.scan for scan in self.view.chosen()] if self._is_built else []
        ExportDialog(self.desk, self, scans=chosen if len(chosen) > 1 else ()).open()

    def _write_meta(self, scan: str, values: Mapping[str, str]) -> None:
        self.desk.ask(self.desk.port.set_meta, scan, values, owner=self)
