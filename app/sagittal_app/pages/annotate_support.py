"""The support slices of an organ: where it begins and ends, which slices to paint, and how far that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from sagittal.engine_port import SagittalError
from sagittal.facts import SLICE_STATES, SupportPlan
from sagittal_app import review_words
from sagittal_app.actions import tip
from sagittal_app.canvas import words
from sagittal_app.canvas.geometry import Box
from sagittal_app.canvas.state import CanvasState
from sagittal_app.desk import Desk
from sagittal_app.widgets.basics import button, clear, column, label, row

FEWEST = 3
"""Slices an organ must span for three of them to be proposed."""

DONE_KEY = "Ctrl+Return"


class SupportPanel(QWidget):
    """Follows the active label of the state's document.

    Plans are read and written in the background; writes go one after another, so that the newest is the one that stays.
    """

    plans_changed = Signal()
    """A plan was written."""

    def __init__(self, desk: Desk, state: CanvasState) -> None:
        super().__init__()
        self.setObjectName("support_panel")
        self.desk = desk
        self.state = state
        self._first: int | None = None
        self._last: int | None = None
        self._for = ("", "")
        self._known = False
        """Whether the plan of what is shown has been read."""
        self._unwritten: dict[tuple[str, str], SupportPlan] = {}
        self._writing = False
        self.plan: SupportPlan | None = None
        self.question = label("", "soft", wrap=True)
        self.first = button("Set first here", "support_first", lambda: self._set_end(first=True))
        self.last = button("Set last here", "support_last", lambda: self._set_end(first=False))
        self.range = label("", "quiet", wrap=True)
        self.range.setObjectName("support_range")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(4)
        self.sentence = label("", wrap=True)
        self.sentence.setObjectName("support_sentence")
        self.flagged = label(review_words.FLAGGED_ABOUT, "quiet", wrap=True)
        self.done_next = button(review_words.DONE_NEXT, "support_done_next", self.finish_slice, icon="mdi6.check")
        self.done_next.setToolTip(tip(review_words.DONE_NEXT_HELP, DONE_KEY))
        self.next = button(review_words.NEXT_SLICE, "support_next", self.go_on, icon="mdi6.chevron-right")
        self.next.setToolTip(review_words.NEXT_SLICE_HELP)
        self.setLayout(
            column(
                self.question, row(self.first, self.last, None), self.range, self._rows, self.flagged, self.sentence,
                row(self.done_next, self.next, None),
            )
        )  # fmt: skip
        state.document_changed.connect(self.follow)
        state.table_changed.connect(self.follow)
        state.voxels_changed.connect(self._painted)

    def _key(self) -> tuple[str, str]:
        document, scan = self.state.document, None if self.state.resampled else self.state.scan
        active = document.label(document.active) if document else None
        return (scan.scan, active.name) if scan is not None and active is not None else ("", "")

    def follow(self) -> None:
        """Shows the plan of the scan and the active label."""
        key = self._key()
        if key != self._for:
            self._for, self._first, self._last, self.plan = key, None, None, None
            self._known = False
            if key in self._unwritten:
                self._read([self._unwritten[key]], key)
            elif key[0]:
                read = self.desk.port.support_plans
                self.desk.ask(read, key[0], then=lambda plans: self._read(plans, key), owner=self, topic="plans")
        self._show()

    def _read(self, plans: Sequence[SupportPlan], key: tuple[str, str]) -> None:
        """Takes the plan of the label shown out of those of the scan."""
        if key != self._for:
            return
        self._known = True
        self.plan = next((plan for plan in plans if plan.label == key[1]), None)
        if self.plan is not None:
            self._first, self._last = self.plan.first, self.plan.last
        self._show()

    def _set_end(self, first: bool) -> None:
        here = self.state.position[2]
        if first:
            self._first = here
        else:
            self._last = here
        if self._first is not None and self._last is not None:
            self._propose(*sorted((self._first, self._last)))
        self._show()

    def _propose(self, first: int, last: int) -> None:
        """Asks the engine for the slices; states of slices that stay are kept."""
        if last - first + 1 < FEWEST:
            self.plan = None
            return
        key = self._for
        self.desk.ask(
            self.desk.port.propose_support_slices, first, last,
            then=lambda slices: self._proposed(key, first, last, slices),
            failed=self._warn, owner=self, topic="propose",
        )  # fmt: skip

    def _proposed(self, key: tuple[str, str], first: int, last: int, slices: Sequence[int]) -> None:
        if key != self._for:
            return
        old = dict(zip(self.plan.slices, self.plan.states, strict=True)) if self.plan else {}
        states = tuple(old.get(index, self._state_of(index)) for index in slices)
        self._keep(SupportPlan(*key, first, last, tuple(slices), states))
        self._show()

    def _warn(self, sentence: str, detail: str) -> None:
        self.desk.notify("warning", sentence, detail)

    def _state_of(self, index: int) -> str:
        """A slice that already carries the label is in progress."""
        document = self.state.document
        painted = document is not None and bool((document.data[:, :, index] == document.active).any())
        return SLICE_STATES[1] if painted else SLICE_STATES[0]

    def set_state(self, index: int, state: str) -> None:
        """Says how far a proposed slice is."""
        if self.plan is not None and index in self.plan.slices:
            at = self.plan.slices.index(index)
            states = (*self.plan.states[:at], state, *self.plan.states[at + 1 :])
            if states != self.plan.states:
                self._keep(replace(self.plan, states=states))
                self._show()

    def _keep(self, plan: SupportPlan) -> None:
        self.plan = plan
        self._unwritten[plan.scan, plan.label] = plan
        if not self._writing:
            self._write()

    def _write(self) -> None:
        """Writes the plan that waits longest; a newer one of the same label takes its place until it is its turn."""
        self._writing = bool(self._unwritten)
        if self._unwritten:
            key, plan = next(iter(self._unwritten.items()))
            write = self.desk.port.set_support_plan

            def done(_none: object) -> None:
                self._written(key, plan)
                self.plans_changed.emit()

            self.desk.ask(write, plan, then=done, failed=lambda *said: self._not_written(key, plan, *said), owner=self)

    def _written(self, key: tuple[str, str], plan: SupportPlan) -> None:
        if self._unwritten.get(key) is plan:
            del self._unwritten[key]
        self._write()

    def _not_written(self, key: tuple[str, str], plan: SupportPlan, sentence: str, detail: str) -> None:
        self._warn(sentence, detail)
        self._written(key, plan)

    def write_now(self) -> None:
        """Writes what waits at once: the program is about to leave the study."""
        while self._unwritten:
            _key, plan = self._unwritten.popitem()
            try:
                self.desk.port.set_support_plan(plan)
            except SagittalError as error:
                self._warn(str(error), "")

    def _painted(self, box: Box) -> None:
        """A slice not started is in progress once painted on."""
        if self.plan is None or self._key() != self._for:
            return
        for index, state in zip(self.plan.slices, self.plan.states, strict=True):
            if state == SLICE_STATES[0] and box.start[2] <= index < box.stop[2] and self._state_of(index) != state:
                self.set_state(index, SLICE_STATES[1])

    def jump(self, index: int) -> None:
        """Shows an axial slice."""
        x, y, _ = self.state.position
        self.state.move_to((x, y, index))

    def go_on(self) -> None:
        """Shows the next slice that is to be painted: after the one shown, else the first that is left."""
        if self.plan is not None:
            left = [z for z, s in zip(self.plan.slices, self.plan.states, strict=True) if s != SLICE_STATES[2]]
            after = [index for index in left if index > self.state.position[2]]
            if left:
                self.jump((after or left)[0])

    def finish_slice(self) -> None:
        """Says that the slice shown is done, and shows the next one that is not."""
        self.set_state(self.state.position[2], SLICE_STATES[2])
        self.go_on()

    def _show(self) -> None:
        name, count = self._for[1], self.state.shape[2]
        named, resampled = bool(self._for[0]) and count >= FEWEST, self.state.resampled
        writable = self.state.document is not None and self.state.document.writable
        few = words.SUPPORT_FEW.format(fewest=FEWEST, count=count) if self._for[0] and not named else ""
        asked = words.SUPPORT_QUESTION.format(label=name) if named and writable else few
        self.question.setText(words.SUPPORT_RESAMPLED if resampled else asked)
        for made in (self.first, self.last):
            made.setVisible(named and writable)
            made.setEnabled(self._known)
        clear(self._rows)
        known = [f"first {self._first + 1}"] if self._first is not None else []
        known += [f"last {self._last + 1}"] if self._last is not None else []
        self.range.setText("Slices set: " + ", ".join(known) if known else "")
        self.sentence.setText(words.NO_PLAN if named and self._known else "")
        left = self.plan is not None and any(state != SLICE_STATES[2] for state in self.plan.states)
        self.flagged.setVisible(self.plan is not None and SLICE_STATES[3] in self.plan.states)
        for made in (self.done_next, self.next):
            made.setVisible(self.plan is not None)
            made.setEnabled(left and writable)
        if self.plan is None:
            if self._first is not None and self._last is not None and abs(self._last - self._first) + 1 < FEWEST:
                self.sentence.setText(words.SUPPORT_SAME)
            return
        for index, state in zip(self.plan.slices, self.plan.states, strict=True):
            self._rows.addWidget(self._line(index, state))
        done, total = self.plan.states.count("done"), len(self.plan.slices)
        text = words.SUPPORT_READY if done == total else words.SUPPORT_PROGRESS
        self.sentence.setText(text.format(done=done, total=total, label=name))

    def _line(self, index: int, state: str) -> QWidget:
        go = button(f"Slice {index + 1}", f"support_slice_{index}", lambda: self.jump(index), icon="mdi6.target")
        go.setToolTip("Show this slice")
        choice = QComboBox()
        choice.setObjectName(f"support_state_{index}")
        choice.addItems(list(SLICE_STATES))
        choice.setCurrentText(state)
        choice.textActivated.connect(lambda text: self.set_state(index, text))
        line = QWidget()
        line.setLayout(row(go, choice))
        line.layout().setStretch(0, 1)
        return line
