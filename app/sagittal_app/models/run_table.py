"""The study's runs as a table: a Qt model over records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

from sagittal.events import Reason, State
from sagittal.facts import colour_of
from sagittal.run_record import RunRecord
from sagittal_app import messages, theme
from sagittal_app.models.run_model import best_figures

Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("Method", "State", "Best figure", "Data", "Recipe", "Step", "Duration", "Started")
METHOD, STATE, FIGURE, DATA, RECIPE, STEP, DURATION, STARTED = range(len(COLUMNS))
RECORD_ROLE = Qt.ItemDataRole.UserRole
COLOURS = {Reason.FAILED: "danger", Reason.ENDED_WITH_PROGRAM: "warning", Reason.COMPLETED: "good"}


def state_words(record: RunRecord) -> str:
    """ "completed", "running", "ended with the program"."""
    state = record.state
    return str(state.reason) if state.state is State.FINISHED and state.reason else str(state.state)


def figure_words(record: RunRecord) -> str:
    """ "Dice 0.653 (0.61–0.69, n = 5) published"."""
    parts = []
    for name, one in best_figures(record).items():
        metric, _, protocol = name.partition(" (")
        metric = "Dice" if metric == "dice_mean" else metric.replace("_", " ")
        figure = messages.figure(one["mean"], one.get("low"), one.get("high"), one.get("n"))
        parts.append(f"{metric} {figure} {protocol.removesuffix(')')}".strip())
    return " · ".join(parts)


def run_title(record: RunRecord, method: str) -> str:
    """What tells one run from another: method and id as on the Runs page, and how far it is, or what adapted it."""
    done = adapted_words(record, {}) or messages.count(record.state.step, "step")
    return f"{method} {record.facts.run} · {done}"


def adapted_words(record: RunRecord, titles: Mapping[str, str]) -> str:
    """ "adapted by GraTa, REFUGE": by which method (`titles` are those of methods) and to which domain, where there are
    several; empty for a run that was trained."""
    adapted = record.facts.adapted
    if adapted is None:
        return ""
    domain = f", {adapted.domain}" if adapted.domain else ""
    return f"adapted by {titles.get(adapted.method, adapted.method)}{domain}"


class RunTable(QAbstractTableModel):
    """One row per run, newest first; each run keeps its colour in every chart."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._records: list[RunRecord] = []
        self._titles: dict[str, str] = {}

    def set_runs(self, records: list[RunRecord], titles: dict[str, str]) -> None:
        """Shows `records`; the selection stays where the runs are the same."""
        self._titles = titles
        same = [r.facts.run for r in records] == [r.facts.run for r in self._records]
        if not same:
            self.beginResetModel()
        self._records = records
        if not same:
            self.endResetModel()
        elif records:
            self.dataChanged.emit(self.index(0, 0), self.index(len(records) - 1, len(COLUMNS) - 1))

    def record(self, row: int) -> RunRecord:
        return self._records[row]

    def row_of(self, run: str) -> int | None:
        return next((i for i, one in enumerate(self._records) if one.facts.run == run), None)

    def colour(self, run: str) -> str:
        """The run's own colour: by its place among the runs, the oldest first, so that it never changes."""
        row = self.row_of(run)
        return colour_of(len(self._records) - row if row is not None else 1)

    def title(self, record: RunRecord) -> str:
        return self._titles.get(record.facts.request.method, record.facts.request.method)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._records)

    def columnCount(self, parent: Index | None = None) -> int:
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        record, column = self._records[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(record, column)
        if role == Qt.ItemDataRole.DecorationRole and column == METHOD:
            return dot(self.colour(record.facts.run))
        if role == Qt.ItemDataRole.ForegroundRole and column == STATE:
            name = COLOURS.get(record.state.reason) if record.state.reason else None
            return QColor(theme.colour(name)) if name else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return record.state.error if column == STATE and record.state.error else self._text(record, column)
        return record if role == RECORD_ROLE else None

    def _text(self, record: RunRecord, column: int) -> str:
        facts, state = record.facts, record.state
        if column == METHOD:
            adapter = facts.adapted.method if facts.adapted is not None else ""
            method = f"{self.title(record)} + {self._titles.get(adapter, adapter)}" if adapter else self.title(record)
            return f"{method}  {facts.run}"
        texts = {
            RECIPE: adapted_words(record, self._titles) or facts.request.recipe or "defaults",
            DATA: f"{messages.count(len(facts.scans), 'scan')} · seed {facts.request.seed}",
            STATE: state_words(record),
            STEP: f"{state.step} of {state.stop_at or state.steps}",
            FIGURE: figure_words(record),
            DURATION: messages.duration(state.seconds),
            STARTED: messages.local_time(facts.created),
        }
        return texts[column]


def dot(colour: str) -> QIcon:
    """A disc of the colour, beside the name of what has it in charts."""
    pixmap = QPixmap(12, 12)
    pixmap.fill(Qt.GlobalColor.transparent)
    with QPainter(pixmap) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(colour))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawEllipse(1, 1, 10, 10)
    return QIcon(pixmap)
