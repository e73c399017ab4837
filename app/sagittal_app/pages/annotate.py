"""Annotate: one scan at a time, large; paint labels on its planes, three support slices first of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtWidgets import QComboBox, QFrame, QStackedWidget, QWidget

from sagittal.events import Event
from sagittal.facts import ScanFacts, StudyFacts, SupportPlan
from sagittal_app import export_words, review_words
from sagittal_app.actions import Command
from sagittal_app.canvas import words
from sagittal_app.desk import Desk
from sagittal_app.pages.annotate_support import DONE_KEY
from sagittal_app.pages.annotate_workbench import Workbench, canvas_commands, make_canvases
from sagittal_app.pages.page import Page
from sagittal_app.widgets.basics import UNIT, Elided, EmptyState, button, column, label, row, scrolled, tool
from sagittal_app.widgets.export_dialog import ExportDialog

if TYPE_CHECKING:
    from sagittal_app.canvas.plane_canvas import PlaneCanvas

PAINTED = "painted"
"""The label set of the user's own painting."""


class AnnotatePage(Page):
    name: ClassVar[str] = "annotate"
    title: ClassVar[str] = "Annotate"
    icon: ClassVar[str] = "mdi6.draw"
    shortcut: ClassVar[str] = "Ctrl+2"
    announcement: ClassVar[str] = "Preparing the image views…"
    preload: ClassVar[tuple[str, ...]] = ("sagittal_app.canvas.preload", "sagittal_app.scene.preload")

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.bench: Workbench | None = None
        self._canvases: list[PlaneCanvas] = []
        self._made: Workbench | None = None
        """What `ahead` made of `bench`."""
        self._inspector: QWidget | None = None
        self._facts: StudyFacts | None = None
        self._wanted = ""
        self._wanted_label = ""

    # What it is made of --------------------------------------------------------------------------------------------

    def ahead(self) -> Iterator[None]:
        yield from make_canvases(self, self._canvases)
        self._made = Workbench(self.desk, self._canvases, self)
        yield

    def build(self) -> None:
        from sagittal_app.canvas.label_list import LabelList
        from sagittal_app.pages.annotate_support import SupportPanel
        from sagittal_app.pages.annotate_supports import SupportOverview

        bench = self.bench = self._made or Workbench(self.desk, self._canvases, self)
        bench.session.opened.connect(self._opened)
        bench.session.opening.connect(self._say_opening)
        bench.session.failed.connect(self._not_opened)
        bench.session.recovered.connect(self._offer_recovery)
        bench.session.saved.connect(self._say_saved)
        bench.state.voxels_changed.connect(lambda _box: self._say_unsaved())
        bench.state.document_changed.connect(self._offer_save)
        self._banner = self._make_banner()
        self._status = Elided("", "quiet")
        self._status.setObjectName("annotate_status")
        work = QWidget()
        body = column(self._banner, bench, self._status, spacing=4)
        body.setStretch(1, 1)
        body.setContentsMargins(UNIT, 0, UNIT, 4)
        work.setLayout(body)
        go = button("Go to Study", "annotate_go_study", lambda: self.desk.go_to("study"), role="primary")
        self._stack = QStackedWidget()
        self._empty = EmptyState("mdi6.draw", words.ANNOTATE_EMPTY, go, name="annotate_empty")
        self._stack.addWidget(self._empty)
        self._stack.addWidget(work)
        self.setLayout(column(self._stack))
        self.labels = LabelList(bench.state)
        self.support = SupportPanel(self.desk, bench.state)
        self.support.plans_changed.connect(self._ask_plans)
        self.supports = SupportOverview()
        self.supports.chosen.connect(self.open_support)
        self._inspector = self._make_inspector()

    def _make_banner(self) -> QFrame:
        banner = QFrame()
        banner.setObjectName("banner")
        banner.setProperty("level", "warning")
        self._banner_text = label("", wrap=True)
        self._banner_text.setObjectName("recovery_text")
        keep = button(words.KEEP, "recovery_keep", self._keep_recovered)
        discard = button(words.DISCARD, "recovery_discard", self._discard_recovered)
        inner = row(self._banner_text, keep, discard)
        inner.setStretch(0, 1)
        inner.setContentsMargins(2 * UNIT, UNIT, UNIT, UNIT)
        banner.setLayout(inner)
        banner.hide()
        return banner

    def _make_inspector(self) -> QWidget:
        self.scans = QComboBox()
        self.scans.setObjectName("annotate_scan")
        self.scans.setToolTip("The scan shown")
        self.scans.setMinimumContentsLength(10)
        self.scans.activated.connect(lambda _index: self.open(self.scans.currentData()))
        back = tool(
            "mdi6.chevron-left",
            "Previous scan, after saving",
            "annotate_back",
            lambda: self.step(-1),
            shortcut="Ctrl+PgUp",
        )
        on = tool(
            "mdi6.chevron-right", "Next scan, after saving", "annotate_on", lambda: self.step(1), shortcut="Ctrl+PgDown"
        )
        chooser = row(back, self.scans, on, spacing=4)
        chooser.setStretch(1, 1)
        self.sets = QComboBox()
        self.sets.setObjectName("annotate_set")
        self.sets.setToolTip("The label set shown and painted on")
        self.sets.activated.connect(lambda _index: self.open(self._shown_scan(), self.sets.currentText()))
        self._save = button("Save", "annotate_save", self.save, icon="mdi6.content-save-outline")
        self._save.setToolTip("Save the labels (Ctrl+S)")
        self._offer_save()
        content = QWidget()
        body = column(
            label("Scan", "heading"), chooser,
            UNIT, label("Label set", "heading"), row(self.sets, self._save),
            UNIT, label("Labels", "heading"), self.labels,
            UNIT, label("Support slices", "heading"), self.support,
            UNIT, label(review_words.SUPPORTS_HEADING, "heading"), self.supports, None,
        )  # fmt: skip
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        content.setLayout(body)
        return scrolled(content, "annotate_inspector")

    def inspector(self) -> QWidget | None:
        return self._inspector

    def commands(self) -> list[Command]:
        def usable() -> bool:
            return self.bench is not None and self.isVisible() and self.bench.state.scan is not None

        def planned() -> bool:
            return usable() and self.support.done_next.isEnabled()

        return [
            Command("annotate.save", "Save the labels", "Ctrl+S", self.save, usable),
            Command("annotate.export", export_words.COMMAND, "Ctrl+E", self._export, usable),
            Command("annotate.back", "Previous scan", "Ctrl+PgUp", lambda: self.step(-1), usable),
            Command("annotate.on", "Next scan", "Ctrl+PgDown", lambda: self.step(1), usable),
            Command("annotate.support_done", review_words.DONE_NEXT_HELP, DONE_KEY, self._finish_slice, planned),
            *canvas_commands(self.name, lambda: self.bench, usable),
        ]

    # Scans ---------------------------------------------------------------------------------------------------------

    def show_study(self, facts: StudyFacts | None) -> None:
        if self.bench is None:
            return
        another = (facts.path if facts else "") != (self._facts.path if self._facts else "")
        self._facts = facts
        scans = self._scans()
        self._stack.setCurrentIndex(1 if scans else 0)
        lost = facts is not None and bool(facts.scans) and not scans
        self._empty.sentence.setText(words.ANNOTATE_MISSING if lost else words.ANNOTATE_EMPTY)
        shown = self._shown_scan()
        self.scans.blockSignals(True)
        self.scans.clear()
        for scan in scans:
            self.scans.addItem(scan.name, scan.scan)
        self.scans.setCurrentIndex(max(0, self.scans.findData(shown)))
        self.scans.blockSignals(False)
        if another or (shown and shown not in [scan.scan for scan in scans]):
            self.bench.session.close()
            self._wanted = ""
        self._fill_sets()
        self._ask_plans()
        if self.isVisible():
            self.shown()

    def _scans(self) -> list[ScanFacts]:
        return [scan for scan in self._facts.scans if not scan.missing] if self._facts else []

    def _shown_scan(self) -> str:
        return self._wanted or (self.bench.session.scan if self.bench else "")

    def shown(self) -> None:
        if self.bench is not None and not self._shown_scan() and self._scans():
            self.open(self._scans()[0].scan)
        if self.bench is not None:
            self.bench.space.take_focus()

    def show_subject(self, subject: str) -> None:
        """A scan's id shows its painting; "scan/label set" shows that set."""
        scan, _, label_set = subject.partition("/")
        self.open(scan, label_set or PAINTED)

    def open(self, scan: str, label_set: str = PAINTED) -> None:
        """Shows a scan with a label set; what is unsaved is saved first."""
        if self.bench is None or scan not in [one.scan for one in self._scans()]:
            return
        if (scan, label_set) == (self.bench.session.scan, self.bench.session.label_set):
            return
        self._wanted = scan
        self._banner.hide()
        self.bench.session.open(scan, label_set)

    def open_support(self, scan: str, name: str) -> None:
        """Shows the painting of a support scan with the label `name` chosen."""
        self._wanted_label = name
        if self.bench is not None and (scan, PAINTED) == (self.bench.session.scan, self.bench.session.label_set):
            self._choose_wanted()
        else:
            self.open(scan)

    def _choose_wanted(self) -> None:
        document = self.bench.state.document if self.bench is not None else None
        found = next((row.number for row in document.labels if row.name == self._wanted_label), 0) if document else 0
        self._wanted_label = ""
        if document is not None and found:
            document.choose(found)

    def _finish_slice(self) -> None:
        self.support.finish_slice()

    def _ask_plans(self) -> None:
        """Plans of all scans, for the overview."""
        if self._facts is None:
            return
        self.desk.ask(self.desk.port.support_plans, then=self._show_plans, owner=self, topic="all plans")

    def _show_plans(self, plans: Sequence[SupportPlan]) -> None:
        names = {scan.scan: scan.name for scan in self._scans()}
        order = {scan: place for place, scan in enumerate(names)}
        there = sorted((plan for plan in plans if plan.scan in order), key=lambda plan: order[plan.scan])
        self.supports.show_plans(there, names.__getitem__, self.bench.session.scan if self.bench else "")

    def step(self, by: int) -> None:
        """The next or previous scan of the study."""
        ids = [scan.scan for scan in self._scans()]
        shown = self._shown_scan()
        if ids:
            at = ids.index(shown) + by if shown in ids else 0
            self.open(ids[min(max(at, 0), len(ids) - 1)])

    def _opened(self) -> None:
        assert self.bench is not None
        self._wanted = ""
        self.scans.setCurrentIndex(self.scans.findData(self.bench.session.scan))
        self._fill_sets()
        self._choose_wanted()
        self._ask_plans()
        self._say_unsaved()
        self.desk.actions.refresh()

    def _not_opened(self, sentence: str) -> None:
        """The scan could not be read: the one shown before stays."""
        self._wanted = ""
        self.scans.setCurrentIndex(self.scans.findData(self._shown_scan()))
        self._say(sentence)

    def _fill_sets(self) -> None:
        """The sets the scan has, and one's own painting."""
        assert self.bench is not None
        scan = next((one for one in self._scans() if one.scan == self.bench.session.scan), None)
        names = [one.name for one in scan.label_sets] if scan else []
        self.sets.clear()
        self.sets.addItems([PAINTED, *[name for name in names if name != PAINTED]])
        self.sets.setCurrentText(self.bench.session.label_set or PAINTED)

    def handle(self, event: Event) -> None:
        """Nothing here depends on runs."""

    # Saving and recovery -------------------------------------------------------------------------------------------

    def save(self) -> None:
        if self.bench is not None and not self.bench.session.save():
            self._say_unsaved()

    def _offer_save(self) -> None:
        document = self.bench.state.document if self.bench else None
        self._save.setEnabled(document is not None and document.writable)

    def _export(self) -> None:
        """Offers the label set shown, with what is painted on it."""
        assert self.bench is not None
        self.save()
        ExportDialog(self.desk, self, self.bench.session.label_set).open()

    def _say_opening(self, scan: str) -> None:
        facts = self.desk.study_model.scan(scan)
        self._say(words.LOADING.format(scan=facts.name if facts else scan))

    def _say_unsaved(self) -> None:
        document = self.bench.state.document if self.bench else None
        if document is None:
            self._say("")
        elif not document.writable:
            self._say(words.READ_ONLY_SET)
        else:
            self._say("Every stroke is in the journal; Ctrl+S writes the label file." if document.unsaved else "")

    def _say_saved(self) -> None:
        self._say(words.SAVED.format(scan=self.scans.currentText()))

    def _say(self, text: str) -> None:
        self._status.say(text)

    def _offer_recovery(self, _edits: int) -> None:
        self._banner_text.setText(words.RECOVERED)
        self._banner.show()

    def _keep_recovered(self) -> None:
        self._banner.hide()
        self.save()

    def _discard_recovered(self) -> None:
        self._banner.hide()
        if self.bench is not None:
            self.bench.session.discard_recovered()
            undo = Command("annotate.undo_discard", "Undo", "", lambda: self.bench and self.bench.space.act("undo"))
            self.desk.notify("info", words.DISCARDED, "", undo)

    def may_leave(self) -> bool:
        if self.bench is not None:
            self.bench.session.save_now()
            self.support.write_now()
        return True

    def hideEvent(self, event: object) -> None:
        """Another page comes to the front: it must find on disk what was painted here."""
        super().hideEvent(event)  # type: ignore[arg-type]
        if self.bench is not None:
            self.bench.session.save()

    def shut_down(self) -> None:
        if self.bench is not None:
            self.bench.session.save_now()
            self.support.write_now()
            self.bench.shut_down()
