"""One plane of an exam: its scan in a slice view, what each slice speaks for, and the most telling slices by name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from sagittal.diagnosis import SliceShare
from sagittal_app import diagnosis_words as words
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.lone_view import LoneView
from sagittal_app.canvas.plane_canvas import PlaneCanvas
from sagittal_app.charts.opinion import SliceBars
from sagittal_app.desk import Desk
from sagittal_app.models.diagnoses import signed
from sagittal_app.widgets.basics import Elided, Flow, button, clear, column, label, row

NAMED = 5
"""Slices that have a button of their own; the bars have all."""
LEAST = 0.005
"""A contribution that is written as more than nothing."""


class PlanePane(QWidget):
    """`telling` are the slices shown by name, the most telling first."""

    maximise = Signal()
    rows_changed = Signal()
    """The buttons of slices may stand in more rows, or in fewer."""

    def __init__(self, desk: Desk, plane: str, canvas: PlaneCanvas | None = None) -> None:
        super().__init__()
        self.setObjectName(f"diagnosis_plane_{plane}")
        self.plane = plane
        self.telling: list[SliceShare] = []
        self.heading = label(plane.capitalize(), "heading")
        self.name = Elided("", "quiet")
        self.lone = LoneView(desk, Plane(plane), canvas)
        self.lone.maximise.connect(self.maximise)
        self.lone.slice_changed.connect(self._mark)
        self.lone.opened.connect(self._fill)
        self._lacks = label("", "soft", wrap=True)
        self._lacks.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._lacks.setObjectName(f"diagnosis_lacks_{plane}")
        nothing = QWidget()
        nothing.setLayout(column(None, self._lacks, None))
        self._stack = QStackedWidget()
        self._stack.addWidget(self.lone)
        self._stack.addWidget(nothing)
        self.bars = SliceBars(f"diagnosis_bars_{plane}")
        self.bars.slice_chosen.connect(self.lone.go_to)
        self._says = label("", "quiet")
        self._flow = Flow(4)
        self._buttons = QWidget()
        self._buttons.setLayout(self._flow)
        self._told = QWidget()
        self._told.setLayout(column(self.bars, self._says, self._buttons, spacing=4))
        head = row(self.heading, self.name)
        head.setStretch(1, 1)
        body = column(head, self._stack, self._told, spacing=4)
        body.setStretch(1, 1)
        self.setLayout(body)
        self._shares: Sequence[SliceShare] = ()

    def show_scan(self, scan: str, name: str) -> None:
        """Shows the exam's scan in this plane."""
        self._stack.setCurrentIndex(0)
        self.name.say(name)
        self.lone.show_scan(scan)

    def show_lacking(self, sentence: str) -> None:
        """The exam has no scan in this plane."""
        self._lacks.setText(sentence)
        self._stack.setCurrentIndex(1)
        self.name.say("")
        self.lone.show_scan("")
        self.show_shares((), "", asked=False)

    def show_shares(self, shares: Sequence[SliceShare], of: str, *, asked: bool = True, go: bool = False) -> None:
        """What the slices speak for label `of`, the largest contribution first; `go` shows that slice.

        Without `asked` nobody was asked about the scan, and nothing is said of its slices.
        """
        self._shares = shares
        self.telling = [share for share in shares if abs(share.contribution) >= LEAST][:NAMED]
        self._told.setVisible(asked)
        says = words.RANKED.format(label=of) if self.telling else words.NONE_TELLS if shares else words.NO_SHARES
        self._says.setText(says)
        self._says.setToolTip(words.RANKED_HELP)
        clear(self._flow)
        for share in self.telling:
            said = words.RANK.format(slice=share.index + 1, contribution=signed(share.contribution))
            help = words.RANK_HELP.format(slice=share.index + 1, contribution=signed(share.contribution))
            go_there = lambda index=share.index: self.lone.go_to(index)  # noqa: E731
            name = f"diagnosis_slice_{self.plane}_{share.index}"
            chip = button(said, name, go_there, role="chip", help=help)
            self._flow.addWidget(chip)
            chip.show()  # what is not shown yet takes no room in a layout, and the rows are measured at once
        self.rows_changed.emit()
        self._fill()
        if go and self.telling:
            self.lone.go_to(self.telling[0].index)

    def rows_height(self) -> int:
        """Pixels that the buttons of slices take at the width there is."""
        return self._flow.heightForWidth(self.width())

    def keep_rows(self, height: int) -> None:
        """Gives the buttons that much room, so that pictures beside one another end on one line."""
        self._buttons.setFixedHeight(height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.rows_changed.emit()

    def _fill(self) -> None:
        """The bars span all slices of the scan, once it is known how many there are."""
        self.bars.show_values({share.index: share.contribution for share in self._shares}, self.lone.slices)
        self._mark(self.lone.index if self.lone.slices else None)

    def _mark(self, index: int | None) -> None:
        self.bars.mark(index)

    def shut_down(self) -> None:
        self.lone.shut_down()
