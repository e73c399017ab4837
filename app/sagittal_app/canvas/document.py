"""The label set being painted: voxels, table, what is shown and locked, and its history. No Qt.

One document is shared by all views of a scan. Every change of voxels goes through `stamp`, `paint`, `replace_all`,
`undo` or `redo`, is told to listeners as the box of voxels it touched, and reaches the journal as it happens.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sagittal.facts import Edit, Label, colour_of
from sagittal_app.canvas import history
from sagittal_app.canvas.geometry import Box
from sagittal_app.canvas.regions import Region

JOURNAL_SECONDS = 0.5
"""A stroke still going on is written to the journal this often."""

OVERWRITE_ALL, OVERWRITE_VISIBLE, OVERWRITE_NONE = "all", "visible", "none"
"""What painting may replace: every label, labels that are shown, or the background alone. Locked labels never."""


class LabelDocument:
    """Labels of one scan, writable. `data` is uint16 (X, Y, Z) in RAS+ canonical order."""

    def __init__(
        self,
        data: NDArray[np.uint16],
        labels: tuple[Label, ...],
        journal: Callable[[Edit], None] = lambda _edit: None,
        writable: bool = True,
        done: Sequence[Edit] = (),
        undone: Sequence[Edit] = (),
    ) -> None:
        """`done` and `undone` are the steps that undo and redo begin with, both oldest first."""
        self.data = data
        self.labels = labels or (Label(1, "label 1", colour_of(1)),)
        self.active = self.labels[0].number
        self.hidden: set[int] = set()
        self.locked: set[int] = set()
        self.writable = writable
        self.unsaved = False
        self.overwrite = OVERWRITE_ALL
        self.history = history.History(done, undone)
        self.voxels_changed: list[Callable[[Box], None]] = []
        """Called with the box of voxels an edit touched."""
        self.table_changed: list[Callable[[], None]] = []
        """Called when names, colours, visibility, locks or the active label change."""
        self._journal = journal
        self._stroke: list[Edit] = []
        self._unsent: history.StrokeBuffer | None = None
        self._sent_at = 0.0
        self._sent_parts = 0

    # Painting ----------------------------------------------------------------------------------------------------

    def stamp(self, tool: str, regions: Sequence[Region], label: int, erase: bool = False) -> bool:
        """Gives the voxels of `regions` the label, or takes it away from those that have it; whether any changed.

        Voxels that must not be painted over (see `overwrite` and `locked`) stay. Between `begin_stroke` and
        `end_stroke` all calls become one step of undo.
        """
        if not self.writable:
            return False
        after = 0 if erase else label
        indices: list[NDArray[np.int64]] = []
        before: list[NDArray[np.uint16]] = []
        touched: Box | None = None
        for region in regions:
            here = self.data[region.box.slices()]
            change = np.logical_and(region.mask, self.yields(here, after), order="C")
            if erase:
                change &= here == label
            box = region.box.where(change)
            if box is not None:
                # A moving brush changes a thin crescent: the rest goes no further.
                here, change = self.data[box.slices()], change[box.within(region.box)]
                indices.append(box.flat(self.data.shape)[change])
                before.append(here[change])
                touched = box.union(touched)
                here[change] = after
        if touched is None:
            return False
        whole = np.concatenate(indices)
        self._made(Edit(tool, whole, np.concatenate(before), np.full(whole.shape, after, np.uint16)), touched)
        return True

    def paint(self, tool: str, indices: NDArray[np.int64], after: int) -> int:
        """Gives voxels (flat, C order) a label, or none for 0, as `stamp` does; returns how many changed."""
        if not self.writable or not indices.size:
            return 0
        before = self._values(indices)
        change = self.yields(before, after)
        if not change.any():
            return 0
        touched = indices[change]
        edit = Edit(tool, touched, before[change], np.full(touched.shape, after, np.uint16))
        self._made(edit, self._apply(edit))
        return len(touched)

    def reshape(self, tool: str, label: int, added: NDArray[np.int64], removed: NDArray[np.int64]) -> int:
        """Gives a label voxels and takes others from it, as one step; returns how many changed.

        The shapes may have been computed while painting went on: what has another label by now is not taken away, and
        a stroke that is going on becomes a step before and one after.
        """
        stroke = None if self._unsent is None else self._unsent.tool
        self.begin_stroke(tool)
        changed = self.paint(tool, added, label)
        changed += self.paint(tool, removed[self._values(removed) == label], 0)
        self.end_stroke()
        if stroke is not None:
            self.begin_stroke(stroke)
        return changed

    def yields(self, here: NDArray[np.uint16], label: int) -> NDArray[np.bool_]:
        """Which of the values `here` may become `label`: others than it, not locked, and open to being overwritten."""
        if label in self.locked:
            return np.zeros(here.shape, bool)
        if label and self.overwrite == OVERWRITE_NONE:
            return here == 0
        change = here != label
        for number in self.locked | (self.hidden if self.overwrite == OVERWRITE_VISIBLE else set()):
            change &= here != number
        return change

    def _made(self, edit: Edit, touched: Box) -> None:
        """Takes down an edit just applied, alone or as part of the stroke that goes on."""
        self._tell_voxels(touched)
        if self._unsent is None:
            self._remember(edit)
            self._journal(edit)
            return
        self._stroke.append(edit)
        self._unsent.add(edit)
        if time.monotonic() - self._sent_at >= JOURNAL_SECONDS:
            self._send_stroke()

    def begin_stroke(self, tool: str) -> None:
        self.end_stroke()
        self._unsent = history.StrokeBuffer(tool)
        self._sent_at, self._sent_parts = time.monotonic(), 0

    def end_stroke(self) -> None:
        """Closes the stroke: the rest goes to the journal and the whole becomes one step of undo."""
        if self._unsent is None:
            return
        self._send_stroke()
        whole = history.StrokeBuffer(self._unsent.tool)
        for part in self._stroke:
            whole.add(part)
        self._stroke, self._unsent = [], None
        edit = whole.take()
        if edit is not None:
            self._remember(edit)

    def _send_stroke(self) -> None:
        part = self._unsent.take() if self._unsent is not None else None
        if part is not None:
            self._journal(replace(part, continues=self._sent_parts > 0))
            self._sent_parts += 1
        self._sent_at = time.monotonic()

    def undo(self) -> bool:
        """Takes the newest edit back; whether there was one."""
        return self._replay(self.history.undo)

    def redo(self) -> bool:
        return self._replay(self.history.redo)

    def replace_all(self, tool: str, data: NDArray[np.uint16]) -> bool:
        """Makes the whole label set equal to `data`, as one edit that can be undone."""
        changed = np.flatnonzero(np.ascontiguousarray(self.data != data))
        if not changed.size or not self.writable:
            return False
        where = np.unravel_index(changed, self.data.shape)
        self.end_stroke()
        edit = Edit(tool, changed.astype(np.int64), self.data[where], data[where])
        self._made(edit, self._apply(edit))
        return True

    def _replay(self, take: Callable[[], Edit | None]) -> bool:
        self.end_stroke()
        edit = take() if self.writable else None
        if edit is None:
            return False
        self._tell_voxels(self._apply(edit))
        self._journal(edit)
        return True

    def _remember(self, edit: Edit) -> None:
        self.history.push(edit)
        self.unsaved = True

    def _values(self, indices: NDArray[np.int64]) -> NDArray[np.uint16]:
        """The labels of voxels (flat, C order)."""
        if self.data.flags.c_contiguous:
            return np.asarray(self.data.reshape(-1)[indices])
        return np.asarray(self.data[np.unravel_index(indices, self.data.shape)])

    def _apply(self, edit: Edit) -> Box:
        """Writes an edit's new values; returns the box it touched."""
        if self.data.flags.c_contiguous:
            self.data.reshape(-1)[edit.indices] = edit.after
        else:
            self.data[np.unravel_index(edit.indices, self.data.shape)] = edit.after
        return Box.around(edit.indices, self.data.shape)

    def _tell_voxels(self, box: Box) -> None:
        self.unsaved = True
        for listener in tuple(self.voxels_changed):
            listener(box)

    # The label table -----------------------------------------------------------------------------------------------

    def label(self, number: int) -> Label | None:
        return next((row for row in self.labels if row.number == number), None)

    def name_of(self, number: int) -> str:
        """The label's name; the background has none, an unlisted number is said as such."""
        if number == 0:
            return ""
        row = self.label(number)
        return row.name if row else f"label {number}"

    def choose(self, number: int) -> None:
        """Makes a listed label the one that is painted."""
        if self.label(number) is not None and number != self.active:
            self.active = number
            self._tell_table()

    def step_active(self, by: int) -> None:
        """The next or previous label of the list, round and round."""
        numbers = [row.number for row in self.labels]
        self.choose(numbers[(numbers.index(self.active) + by) % len(numbers)])

    def add_label(self, name: str = "") -> Label:
        """A new label with the next free number and its stable colour, made active; named where no name is given."""
        number = max(row.number for row in self.labels) + 1
        taken = {row.name for row in self.labels}
        free = (f"label {n}" for n in itertools.count(number) if f"label {n}" not in taken)
        row = Label(number, name or next(free), colour_of(number))
        self.labels = (*self.labels, row)
        self.active = number
        self._tell_table()
        return row

    def change_label(self, number: int, *, name: str | None = None, colour: str | None = None) -> None:
        """Renames or recolours a label; its number, and so its voxels, stay."""
        self.labels = tuple(
            replace(row, name=name or row.name, colour=colour or row.colour) if row.number == number else row
            for row in self.labels
        )
        self._tell_table()

    def take_table(self, labels: tuple[Label, ...]) -> None:
        """The whole table is another one: names and colours were changed elsewhere."""
        if labels and labels != self.labels:
            self.labels = labels
            if self.label(self.active) is None:
                self.active = labels[0].number
            self._tell_table()

    def set_hidden(self, number: int, hidden: bool) -> None:
        (self.hidden.add if hidden else self.hidden.discard)(number)
        self._tell_table()

    def set_locked(self, number: int, locked: bool) -> None:
        (self.locked.add if locked else self.locked.discard)(number)
        self._tell_table()

    def _tell_table(self) -> None:
        for listener in tuple(self.table_changed):
            listener()
