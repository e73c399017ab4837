"""The segmented cases as a Qt model: a row per case in the queue's order, under the headings of its two sections."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from sagittal.review import ABOUT, Case
from sagittal_app import messages
from sagittal_app import review_words as words
from sagittal_app.models.case_queue import CaseQueue, say
from sagittal_app.models.scan_table import Thumbnails
from sagittal_app.models.wanted import Wanted

Index = QModelIndex | QPersistentModelIndex
CASE_ROLE = Qt.ItemDataRole.UserRole
"""The `CaseRow`; None for a heading."""
DICE_ROLE = Qt.ItemDataRole.UserRole + 1
"""Label → Dice against the truth; None until it is known, which asking for it brings about."""
SLICE_ROLE = Qt.ItemDataRole.UserRole + 2
"""The slice shown, of the case that is shown; else None."""
TRUTH = "truth"
EXPLAINED = 4
"""Doubts that are told with how they are computed."""


class CaseRow:
    """One case as the list tells it; what takes time is worked out when it is first asked for."""

    def __init__(self, case: Case, queue: CaseQueue) -> None:
        self.facts, self.label_set = case
        self._queue = queue

    @property
    def scan(self) -> str:
        return self.facts.scan

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def review(self) -> tuple[str, str]:
        """Its words and their colour."""
        return words.REVIEWS.get(self.label_set.review, words.REVIEWS["unreviewed"])

    @property
    def time(self) -> str:
        """What readers spent on it; empty for less than a second."""
        return messages.duration(self.label_set.seconds) if self.label_set.seconds >= 1 else ""

    @cached_property
    def need(self) -> float:
        return self._queue.need(self.scan)

    @cached_property
    def doubts(self) -> str:
        """What is called out of a case that nobody has reviewed, a line per kind."""
        return "\n".join(self._queue.sentences(self.scan)) if self.label_set.review == "unreviewed" else ""

    @cached_property
    def judged(self) -> tuple[str, ...]:
        """Labels that the truth has too: those of which there may be a Dice."""
        truth = next((one for one in self.facts.label_sets if one.name == TRUTH), None)
        there = {label.name for label in truth.labels} if truth is not None else set()
        return tuple(label.name for label in self.label_set.labels if label.name in there)

    @property
    def slices(self) -> int:
        """How many the confidence bar has; 0 where nothing is known."""
        return len(next(iter(self.label_set.confidence.values()), ()))

    @cached_property
    def confidence(self) -> list[float | None]:
        """Per axial slice; None where it was not looked at."""
        return mean_confidence(self.label_set.confidence)

    def about(self) -> str:
        """Every doubt with how it is computed."""
        rows = self._queue.doubts(self.scan)[:EXPLAINED]
        if not rows:
            return words.NEED_NOTHING
        case = (self.facts, self.label_set)
        lines = [words.DOUBT_ABOUT.format(doubt=say(case, row), about=ABOUT[row.kind]) for row in rows]
        return words.NEED_ABOUT.format(need=self.need, doubts="\n\n".join(lines))

    def about_slice(self, index: int) -> str:
        value = self.confidence[index]
        known = words.SLICE_UNKNOWN if value is None else words.SLICE_CONFIDENCE.format(value=value)
        return words.SLICE_ABOUT.format(slice=index + 1, known=known)


def mean_confidence(confidence: Mapping[str, Sequence[float | None]]) -> list[float | None]:
    """Per slice the mean over labels of what is known; None where no label was looked at."""
    means: list[float | None] = []
    for column in zip(*confidence.values(), strict=True):
        known = [value for value in column if value is not None and not math.isnan(value)]
        means.append(sum(known) / len(known) if known else None)
    return means


def dice_lines(figures: Mapping[str, float]) -> tuple[str, str]:
    """The figure of a case, and where it has several labels, that of each: "mean Dice 0.912", "liver 0.95 · …".

    A figure stays on the line of its name.
    """
    parts = " ".join(f"{name} {value:.2f} ·".replace(" ", "\u00a0") for name, value in figures.items())[:-2]
    if len(figures) > 1:
        return words.MEAN_DICE.format(value=sum(figures.values()) / len(figures)), parts
    return (words.ONE_DICE.format(figure=parts) if figures else ""), ""


class CaseModel(QAbstractListModel):
    """Cases of one label set. Pictures and Dice are asked for only as a view asks for them."""

    def __init__(self, thumbnails: Thumbnails, dice: Wanted, parent: QObject | None = None) -> None:
        """`dice` loads label → Dice by (scan, label set)."""
        super().__init__(parent)
        self.entries: list[CaseRow | str] = []
        """Cases, and the headings above them."""
        self._places: dict[str, int] = {}
        self._here: tuple[str, int | None] = ("", None)
        self._thumbnails, self._dice = thumbnails, dice
        thumbnails.arrived = lambda scan: self._changed(scan, Qt.ItemDataRole.DecorationRole)
        dice.arrived = lambda key: self._changed(key[0], DICE_ROLE)

    def show_queue(self, queue: CaseQueue) -> None:
        """Lists the cases in their order; where they are the same ones in the same places, a view stays as it is."""
        entries: list[CaseRow | str] = []
        section = ""
        for case in queue.cases:
            heading = words.TO_REVIEW if case[1].review == "unreviewed" else words.REVIEWED
            if heading != section:
                section = heading
                entries.append(heading)
            entries.append(CaseRow(case, queue))
        places = {one.scan: place for place, one in enumerate(entries) if isinstance(one, CaseRow)}
        same = len(entries) == len(self.entries) and places == self._places
        if not same:
            self.beginResetModel()
        self.entries, self._places = entries, places
        if not same:
            self.endResetModel()
        else:
            self.refresh()

    def refresh(self) -> None:
        """Everything of the rows may be another."""
        if self.entries:
            self.dataChanged.emit(self.index(0), self.index(len(self.entries) - 1))

    def place_of(self, scan: str) -> int:
        """Row of a case; -1 where it is not listed."""
        return self._places.get(scan, -1)

    def mark(self, scan: str, index: int | None) -> None:
        """Tells which slice of which case is shown."""
        before, self._here = self._here, (scan, index)
        if self._here != before:
            for one in {before[0], scan}:
                self._changed(one, SLICE_ROLE)

    def known_dice(self, row: CaseRow) -> Mapping[str, float] | None:
        """As under `DICE_ROLE`, without asking for it."""
        return self._dice.known((row.scan, row.label_set.name)) if row.judged else {}

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.entries)

    def flags(self, index: Index) -> Qt.ItemFlag:
        case = isinstance(self.entries[index.row()], CaseRow)
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        return flags if case else Qt.ItemFlag.NoItemFlags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        one = self.entries[index.row()]
        if isinstance(one, str):
            return one if role == Qt.ItemDataRole.DisplayRole else None
        if role == Qt.ItemDataRole.DisplayRole:
            return one.name
        if role == CASE_ROLE:
            return one
        if role == Qt.ItemDataRole.DecorationRole:
            return self._thumbnails.get(one.scan)
        if role == DICE_ROLE:
            return self._dice.get((one.scan, one.label_set.name)) if one.judged else {}
        if role == SLICE_ROLE:
            return self._here[1] if one.scan == self._here[0] else None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(one)
        return None

    def _spoken(self, row: CaseRow) -> str:
        """All that the row tells, in words."""
        said = [row.name, row.review[0], *dice_lines(self.known_dice(row) or {}), row.time, *row.doubts.split("\n")]
        return ". ".join(filter(None, said))

    def _changed(self, scan: str, role: int) -> None:
        if (place := self.place_of(scan)) >= 0:
            self.dataChanged.emit(self.index(place), self.index(place), [role])
