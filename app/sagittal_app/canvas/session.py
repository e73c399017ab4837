"""Opening a scan with a label set, keeping its edits safe, and saving before anything else is shown."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from sagittal.engine_port import SagittalError
from sagittal.events import Event, StudyChanged
from sagittal.facts import Edit, ImageLoan, Label, LabelLoan
from sagittal_app.canvas import windowing
from sagittal_app.canvas.arriving import Arriving
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.state import CanvasState
from sagittal_app.canvas.strewn import Strewn
from sagittal_app.desk import Desk


class Session(QObject):
    """One scan and label set at a time. Nothing unsaved is ever dropped: it is written before another is shown."""

    opening = Signal(str)
    """Id of the scan being read."""
    opened = Signal()
    recovered = Signal(int)
    """Edits brought back from the journal."""
    saved = Signal()
    failed = Signal(str)

    def __init__(self, desk: Desk, state: CanvasState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.state = state
        self.scan = ""
        self.label_set = ""
        self._loan: LabelLoan | None = None
        self._table: tuple[object, ...] = ()
        self._shared: tuple[Label, ...] = ()
        """The set's table in the study, as last seen."""
        self._sending = 0
        self._not_saved: dict[tuple[str, str, str], str] = {}
        """What was said last of labels or strokes that could not be written, by scan, label set and which of them."""
        state.table_changed.connect(self._table_changed)
        desk.bridge.event.connect(self._handle)
        self._arriving = Arriving(desk, state, self)
        self._strewn = Strewn(desk, state, self)

    @property
    def writable(self) -> bool:
        facts = self.desk.study()
        return facts is not None and not facts.read_only

    def open(self, scan: str, label_set: str) -> None:
        """Reads a scan and a label set in the background and shows them; saves what is open first."""
        if not scan:
            self.close()
            return
        self.save()
        self.opening.emit(scan)
        self.state.set_reading(True)
        keep = self.state.scan if self.state.scan is not None and self.state.scan.scan == scan else None
        port = self.desk.port

        def read() -> tuple[ImageLoan, windowing.Sample, LabelLoan, tuple[Label, ...]]:
            image = keep or port.image(scan)
            # The sample is taken here: on a mapped file it is read from all over the disk.
            sample = windowing.sample_of(image.data)
            return image, sample, port.labels(scan, label_set), port.label_table(label_set)

        self.desk.ask(
            read, then=lambda loans: self._show(label_set, *loans), failed=self._say_failed, owner=self, topic="open"
        )

    def _say_failed(self, sentence: str, detail: str) -> None:
        self.state.set_reading(False)
        self.failed.emit(sentence)
        self.desk.notify("error", sentence, detail)

    def _show(
        self,
        label_set: str,
        image: ImageLoan,
        sample: windowing.Sample,
        labels: LabelLoan,
        shared: tuple[Label, ...],
    ) -> None:
        # What was painted while the scan was being read belongs to the old one, and is saved with it.
        self.save()
        self.scan, self.label_set, self._loan = image.scan, label_set, labels
        scan = image.scan

        def journal(edit: Edit) -> None:
            try:
                self.desk.port.record_edit(scan, label_set, edit)
            except SagittalError as error:  # the stroke is kept all the same: the sentence says where
                self._say_not_saved((scan, label_set, "strokes"), str(error))

        table = labels.labels or self._study_table()
        document = LabelDocument(labels.data, table, journal, self.writable, labels.history, labels.undone)
        self._table, self._shared = document.labels, shared
        if self.state.scan is not None and self.state.scan.scan == scan:
            self.state.set_document(document)
            self.state.set_reading(False)
        else:
            self.state.show_scan(image, document, sample)
        if labels.recovered_edits:
            document.unsaved = True
            self.recovered.emit(labels.recovered_edits)
        if labels.note:
            self.desk.notify("warning", labels.note)
        self.opened.emit()

    def _study_table(self) -> tuple[Label, ...]:
        """For a set without labels yet: the names the study's other sets use, so that they mean the same everywhere."""
        facts = self.desk.study()
        found: dict[int, Label] = {}
        for scan in facts.scans if facts else ():
            for one in scan.label_sets:
                for row in one.labels:
                    found.setdefault(row.number, row)
        return tuple(found[number] for number in sorted(found))

    def close(self) -> None:
        """Shows nothing; saves first."""
        self.save()
        self.scan = self.label_set = ""
        self.state.show_scan(None)

    def save(self, then: Callable[[], object] | None = None, review: str | None = None, force: bool = False) -> bool:
        """Writes unsaved labels in the background; whether there were any."""
        document = self.state.document
        if document is None or not document.writable:
            return False
        document.end_stroke()
        if not (document.unsaved or force):
            return False
        document.unsaved = False
        scan, label_set, labels = self.scan, self.label_set, document.labels
        # A copy, so that painting on while the file is written cannot tear it.
        data = document.data.copy(order="K")

        def done(_none: object) -> None:
            for part in ("labels", "strokes"):  # saved labels have all strokes in them
                self._say_not_saved((scan, label_set, part), "")
            self.saved.emit()
            if then is not None:
                then()

        def broke(sentence: str, detail: str) -> None:
            document.unsaved = True
            self._say_not_saved((scan, label_set, "labels"), sentence, detail)

        # No owner: the file must be written even where this page is gone by then.
        self.desk.ask(self.desk.port.save_labels, scan, label_set, data, labels, review, then=done, failed=broke)
        return True

    def _say_not_saved(self, what: tuple[str, str, str], sentence: str, detail: str = "") -> None:
        """Says it in the place of what was said before; nothing, once it is saved."""
        self.desk.withdraw(self._not_saved.pop(what, ""))
        if sentence:
            self._not_saved[what] = sentence
            self.desk.notify("error", sentence, detail)

    def save_now(self, review: str | None = None) -> None:
        """Writes unsaved labels before returning: for the moment before a study or the window closes."""
        document = self.state.document
        if document is not None and document.writable:
            document.end_stroke()
            if document.unsaved:
                self.desk.port.save_labels(self.scan, self.label_set, document.data, document.labels, review)
                document.unsaved = False

    def discard_recovered(self) -> None:
        """Takes recovered edits out: the labels become what was last saved. Can be undone."""
        document = self.state.document
        if document is not None and self._loan is not None and self._loan.saved is not None:
            document.replace_all("discard recovered", self._loan.saved)

    def _table_changed(self) -> None:
        """Names and colours belong to the label set in the whole study."""
        document = self.state.document
        if document is None or document.labels == self._table or not self.scan or not document.writable:
            return
        self._table = document.labels
        document.unsaved = True
        # At once, also for a set that was never saved: strokes are journalled by number, and must not lose their name.
        self._sending += 1
        self.desk.ask(
            self.desk.port.set_label_table, self.label_set, document.labels,
            then=self._table_sent, failed=self._table_not_sent,
        )  # fmt: skip

    def _table_sent(self, _none: object = None) -> None:
        self._sending -= 1

    def _table_not_sent(self, sentence: str, detail: str) -> None:
        self._sending -= 1
        self.desk.notify("error", sentence, detail)

    def _handle(self, event: Event) -> None:
        """Labels of the study changed: perhaps names and colours of this set, on another page or from a file."""
        if isinstance(event, StudyChanged) and event.what == "labels" and self.scan and self.state.document:
            asked = (self.scan, self.label_set)
            self.desk.ask(
                self.desk.port.label_table, self.label_set,
                then=lambda rows: self._take_table(rows) if asked == (self.scan, self.label_set) else None,
                owner=self, topic="table",
            )  # fmt: skip

    def _take_table(self, rows: tuple[Label, ...]) -> None:
        """Renames, recolours, adds and takes out what the study's table did since it was last seen."""
        document = self.state.document
        if document is None or rows == self._shared or self._sending:
            return
        old, new = ({row.number: row for row in table} for table in (self._shared, rows))
        changed = {number: row for number, row in new.items() if old.get(number) != row}
        kept = {row.number: row for row in document.labels if row.number in new or row.number not in old}
        added = {number: row for number, row in changed.items() if number in kept or number not in old}
        self._shared = rows
        # Remembered first: what came from the study is not sent back to it.
        self._table = tuple(sorted({**kept, **added}.values(), key=lambda row: row.number)) or document.labels
        document.take_table(self._table)
