"""The supports of a study as a Qt model: a row per organ, under the heading of its scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from sagittal.facts import SLICE_STATES, SupportPlan
from sagittal_app import review_words as words

Index = QModelIndex | QPersistentModelIndex
SUPPORT_ROLE = Qt.ItemDataRole.UserRole
"""The `SupportRow`."""

_STARTED, _DONE, _FLAGGED = SLICE_STATES[1:]


@dataclass(frozen=True)
class SupportRow:
    """A scan, or where there is a plan, one organ of it."""

    scan: str
    name: str
    """The scan's."""
    here: bool
    """Whether the scan is the one shown."""
    plan: SupportPlan | None = None

    @property
    def amount(self) -> str:
        """Slices done, of how many: "2/3"."""
        return f"{self.plan.states.count(_DONE)}/{len(self.plan.slices)}" if self.plan is not None else ""

    @property
    def mark(self) -> tuple[str, str]:
        """Icon of how far the organ is, and its colour."""
        states = self.plan.states if self.plan is not None else ()
        if _FLAGGED in states:
            return "mdi6.flag", "warning"
        if all(state == _DONE for state in states):
            return "mdi6.check-circle", "good"
        if _DONE in states or _STARTED in states:
            return "mdi6.circle-half-full", "accent"
        return "mdi6.circle-outline", "quiet"

    def about(self) -> str:
        """The row in a sentence."""
        if self.plan is None:
            return self.name
        flagged = self.plan.states.count(_FLAGGED)
        return words.SUPPORT_OF_HELP.format(
            label=self.plan.label, scan=self.name, done=self.plan.states.count(_DONE), total=len(self.plan.slices),
            flagged=words.SUPPORT_FLAGGED.format(count=flagged) if flagged else "",
        )  # fmt: skip


class SupportModel(QAbstractListModel):
    """Scans in the order of their first plan, each with its organs."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[SupportRow] = []

    def show_plans(self, plans: Sequence[SupportPlan], name_of: Callable[[str], str], here: str) -> None:
        """`here` is the scan shown; `name_of` tells a scan's name by its id. Only rows that differ are said to."""
        organs: dict[str, list[SupportPlan]] = {}
        for plan in plans:
            organs.setdefault(plan.scan, []).append(plan)
        rows = []
        for scan, planned in organs.items():
            heading = SupportRow(scan, name_of(scan), scan == here)
            rows += [heading, *(SupportRow(scan, heading.name, heading.here, plan) for plan in planned)]
        before = self.rows
        if _keys(rows) != _keys(before):
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        self.rows = rows
        for place, (old, new) in enumerate(zip(before, rows, strict=True)):
            if old != new:
                self.dataChanged.emit(self.index(place), self.index(place))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        chosen = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        return chosen if self.rows[index.row()].plan is not None else Qt.ItemFlag.NoItemFlags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        if role == SUPPORT_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.plan.label if row.plan is not None else row.name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return row.about()
        return None


def _keys(rows: Sequence[SupportRow]) -> list[tuple[str, str]]:
    return [(row.scan, row.plan.label if row.plan is not None else "") for row in rows]
