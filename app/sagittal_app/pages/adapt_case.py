"""One scan before and after adapting: what adapting did to it, both masks side by side, and which one is kept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel

from sagittal.engine_port import EnginePort
from sagittal.facts import ImageLoan, Label, ScanFacts
from sagittal.run_record import RunRecord
from sagittal_app import adapt_words as words
from sagittal_app.canvas import windowing
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.pair import Pair
from sagittal_app.desk import Desk
from sagittal_app.models.adaptations import (
    CHANGES,
    ROLES,
    Case,
    Masks,
    MaskSets,
    bare_slices,
    fullest,
    label_words,
    masks_of,
    painted,
    sentences,
)
from sagittal_app.widgets.basics import Elided, Panel, button, column, label, row, set_role

if TYPE_CHECKING:
    from sagittal_app.canvas.plane_canvas import PlaneCanvas

Read = tuple[ImageLoan, windowing.Sample, Masks, tuple[int, int, int]]
"""A scan, some of its intensities, its masks, and the voxel to look at first."""


class CaseView(Panel):
    """See the module's docstring. `canvases` are two that were made ahead."""

    def __init__(self, desk: Desk, canvases: Sequence[PlaneCanvas] = ()) -> None:
        super().__init__(name="adapt_case", margin=12)
        self._desk = desk
        self._record: RunRecord | None = None
        self._case: Case | None = None
        self._sets = MaskSets()
        self._shown: tuple[str, str] = ("", "")
        """Run and scan whose masks are shown, or about to be."""
        self._masks: Masks | None = None
        self.name = Elided("", "heading")
        self.verdict = label("", wrap=True, selectable=True)
        self.verdict.setObjectName("adapt_verdict")
        self.figures = label("", "soft", wrap=True, selectable=True)
        self.figures.setObjectName("adapt_figures")
        self.figures.setToolTip(words.FIGURES_HELP)
        self.warning = label("", "warning", wrap=True)
        self.warning.setObjectName("adapt_warning")
        self.keep = button("", "adapt_keep", self._keep, icon="mdi6.undo-variant")
        self.show_as = QComboBox()
        self.show_as.setObjectName("adapt_show")
        self.show_as.currentIndexChanged.connect(lambda _i: self._paint())
        self.plane = QComboBox()
        self.plane.setObjectName("adapt_plane")
        self.plane.setToolTip(words.PLANE_HELP)
        for plane in Plane:
            self.plane.addItem(plane.capitalize(), plane)
        self.plane.currentIndexChanged.connect(lambda _i: self.pair.turn_to(self.plane.currentData()))
        self.pair = Pair(desk, (words.BEFORE, words.AFTER), canvases)
        self.legend = QLabel()
        self.legend.setObjectName("adapt_legend")
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        head = row(self.name, self.plane, self.show_as, self.keep)
        head.setStretch(0, 1)
        body = column(head, self.verdict, self.figures, self.warning, self.pair, self.legend)
        body.setStretch(4, 1)
        self.body.addLayout(body)
        self.show_case(None, None, None)

    def show_case(self, record: RunRecord | None, case: Case | None, scan: ScanFacts | None) -> None:
        """Shows a scan of an adapted run; `scan` is the study's, None where it is gone from it."""
        self._record, self._case = record, case
        self._sets = MaskSets() if record is None or case is None else masks_of(record, scan)
        self.name.say(words.CHOOSE_SCAN if case is None else scan.name if scan is not None else case.scan)
        self._say()
        self._say_keep()
        wanted = (record.facts.run, case.scan) if record is not None and case is not None else ("", "")
        if case is None or case.refused or self._sets.problem:
            self._shown, self._masks = ("", ""), None
            self.pair.show_scan(None, (None, None))
            self._say_shows()
        elif wanted != self._shown:
            self._read(wanted, scan)

    def _say(self) -> None:
        case = self._case
        said = sentences(case) if case is not None else []
        self.verdict.setText(said[0] if said else "")
        set_role(self.verdict, "danger" if case and case.refused else ROLES[case.verdict] if case else "soft")
        lines = [label_words(case), *said[1:], *case.row.get("notes", ())] if case is not None else []
        self.figures.setText("\n".join(filter(None, lines)))
        problem = self._sets.problem if case is not None and not case.refused else ""
        self.warning.setText("\n".join(filter(None, (case.warning if case else "", problem))))
        for part in (self.verdict, self.figures, self.warning):
            part.setVisible(bool(part.text()))

    def _say_keep(self) -> None:
        adapted = self._record.facts.adapted if self._record is not None else None
        study = self._desk.study()
        kept = self._sets.kept
        there = bool(kept) and adapted is not None and study is not None and not study.read_only
        self.keep.setVisible(there)
        for title, text, own in zip(self.pair.titles, (words.BEFORE, words.AFTER), ("before", "adapted"), strict=True):
            title.setText(f"{text} · {words.KEPT_HERE}" if kept == own else text)
        if adapted is not None:
            keeps_before = kept == "before"
            self.keep.setText(words.KEEP_AFTER if keeps_before else words.KEEP_BEFORE)
            help = words.KEEP_AFTER_HELP if keeps_before else words.KEEP_BEFORE_HELP
            self.keep.setToolTip(help.format(name=adapted.label_set))

    # Masks -----------------------------------------------------------------------------------------------------------

    def _read(self, wanted: tuple[str, str], scan: ScanFacts | None) -> None:
        self._shown, self._masks = wanted, None
        assert self._record is not None and self._record.facts.adapted is not None and scan is not None
        truth = self._record.facts.adapted.truth
        told = any(one.name == truth and one.labels for one in scan.label_sets)
        self.pair.set_reading(True)
        read = partial(_read, self._desk.port, scan.scan, self._sets, truth if told else "")
        self._desk.ask(
            read, then=lambda found: self._take(wanted, found), failed=self._not_read, owner=self, topic="case"
        )

    def _not_read(self, sentence: str, _detail: str) -> None:
        self._shown = ("", "")
        self.pair.set_reading(False)
        self.warning.setText(sentence)
        self.warning.show()

    def _take(self, wanted: tuple[str, str], found: Read) -> None:
        if wanted != self._shown:
            return
        image, sample, self._masks, voxel = found
        self._say_shows()
        self.pair.show_scan(image, self._documents(), sample)
        self.pair.states[0].move_to(voxel)
        self.plane.setVisible(min(image.data.shape[:3]) > 1)
        if min(image.data.shape[:3]) == 1:
            self.plane.setCurrentIndex(0)

    def _say_shows(self) -> None:
        """The ways in which the masks can be shown; the one chosen stays where it still is there."""
        offered = self._masks.shows() if self._masks is not None else ()
        kept = self.show_as.currentData() or CHANGES
        self.show_as.blockSignals(True)
        self.show_as.clear()
        for place, name in enumerate(offered):
            self.show_as.addItem(words.SHOWS[name], name)
            self.show_as.setItemData(place, words.SHOWS_HELP[name], Qt.ItemDataRole.ToolTipRole)
        self.show_as.setCurrentIndex(max(0, self.show_as.findData(kept)) if offered else -1)
        self.show_as.blockSignals(False)
        for part in (self.show_as, self.legend):
            part.setVisible(bool(offered))
        if not offered:
            self.plane.hide()

    def _documents(self) -> tuple[LabelDocument, LabelDocument]:
        assert self._masks is not None
        one, other = painted(self._masks, self.show_as.currentData())
        seen: dict[str, Label] = {row.name: row for row in (*one[1], *other[1])}
        self.legend.setText(
            " &nbsp;&nbsp; ".join(f'<span style="color:{row.colour}">●</span> {row.name}' for row in seen.values())
        )
        first, second = (LabelDocument(data, table, writable=False) for data, table in (one, other))
        return first, second

    def _paint(self) -> None:
        if self._masks is not None:
            self.pair.set_documents(self._documents())

    # What is kept ----------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        if self._record is None or self._case is None:
            return
        run, scan, adapted = self._record.facts.run, self._case.scan, self._sets.kept == "before"
        self.keep.setEnabled(False)
        port = self._desk.port
        self._desk.ask(
            lambda: port.keep_mask(run, scan, adapted=adapted),
            then=lambda _none: self.keep.setEnabled(True),
            failed=self._not_kept,
            owner=self,
        )

    def _not_kept(self, sentence: str, detail: str) -> None:
        self.keep.setEnabled(True)
        self._desk.notify("error", sentence, detail)

    def shut_down(self) -> None:
        self.pair.shut_down()


def _read(port: EnginePort, scan: str, sets: MaskSets, truth: str) -> Read:
    image = port.image(scan)
    masks = Masks(
        port.labels(scan, sets.before), port.labels(scan, sets.after), port.labels(scan, truth) if truth else None
    )
    return image, windowing.sample_of(image.data), masks, fullest(masks, bare_slices(image))
