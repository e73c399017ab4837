"""All that was measured of a run: evaluations as a table, spectra side by side on shared axes, maps of its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from sagittal.run_record import RunRecord
from sagittal_app import messages, theme
from sagittal_app.charts.documents import ScatterPanel, read_document
from sagittal_app.charts.spectra import SpectraGrid, fix_height
from sagittal_app.models.evaluations import Finding, ScoredScans, findings, published, scored_scans
from sagittal_app.widgets.basics import UNIT, Panel, clear, column, label, scrolled

MOST = 12
"""Spectra, and maps, that are shown at most; more are too small to compare."""
MAP_HEIGHT = 320
ACROSS = 3
ROW = 28

Shown = tuple[int, Mapping[str, Any]]
"""Step and document."""


@dataclass(frozen=True)
class Measures:
    """What was measured of a run, read from disk."""

    findings: Sequence[Finding] = ()
    spectra: Mapping[str, Sequence[Shown]] = field(default_factory=dict)
    """By kind: "spectrum" for the usual one, else with its matrix and mode of batch normalisation."""
    maps: Sequence[Shown] = ()
    scored: ScoredScans | None = None
    """The newest scoring of whole scans."""
    published: Sequence[str] = ()
    """Sentences on what others found."""

    def __len__(self) -> int:
        return len(self.findings) + sum(map(len, self.spectra.values())) + len(self.maps)

    def timed(self) -> list[Mapping[str, Any]]:
        """Documents of all spectra, the newest kind last."""
        return [document for shown in self.spectra.values() for _, document in shown]


def read_measures(record: RunRecord) -> Measures:
    """Reads the documents of a run's record; those whose file is gone are left out. *Slow.*"""
    documents: dict[str, list[Shown]] = {}
    for row in sorted(record.previews, key=lambda row: row["step"]):
        panel = str(row["panel"])
        if panel == "embedding" or panel.split()[0] == "spectrum":
            with suppress(OSError, ValueError):
                documents.setdefault(panel, []).append((int(row["step"]), read_document(row["path"])))
    maps = documents.pop("embedding", [])
    return Measures(findings(record), documents, maps, scored_scans(record), published(record))


def spread(shown: Sequence[Shown], most: int = MOST) -> list[Shown]:
    """At most `most` of `shown`, evenly, with the first and the last."""
    if len(shown) <= most:
        return list(shown)
    return [shown[round(i * (len(shown) - 1) / (most - 1))] for i in range(most)]


class Measured(QWidget):
    """See the module's docstring."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("measured")
        self.nothing = label(messages.MEASURED_NONE, "soft", wrap=True)
        self.nothing.setObjectName("measured_nothing")
        self.table = EvaluationTable()
        self._evaluations = Panel(messages.EVALUATIONS_HEADING, name="measured_evaluations", margin=12)
        self._evaluations.body.addWidget(self.table)
        self.published = label("", "soft", wrap=True, selectable=True)
        self.published.setObjectName("measured_published")
        self._evaluations.body.addWidget(self.published)
        self.scored = FigureTable("scored_table")
        self._scored = Panel(messages.SCORED_HEADING, name="measured_scored", margin=12)
        self._scored.body.addWidget(self.scored)
        self._spectra = QVBoxLayout()
        self._spectra.setSpacing(UNIT)
        self._maps_heading = label(messages.MAPS_HEADING, "heading")
        self._maps = QGridLayout()
        self._maps.setSpacing(UNIT)
        content = QWidget()
        body = column(
            self.nothing, self._evaluations, self._scored, self._spectra, self._maps_heading, self._maps, None
        )
        body.setContentsMargins(0, UNIT, 0, 0)
        content.setLayout(body)
        self.setLayout(column(scrolled(content, "measured_scroll")))
        self.grids: list[SpectraGrid] = []
        self.maps: list[ScatterPanel] = []
        self.show_measures(Measures())

    def show_measures(self, measures: Measures) -> None:
        """Replaces what is shown."""
        self.nothing.setVisible(not len(measures))
        self._evaluations.setVisible(bool(measures.findings))
        self.table.show_findings(measures.findings)
        self.published.setText("\n".join(measures.published))
        self.published.setVisible(bool(measures.published))
        self._scored.setVisible(measures.scored is not None)
        if measures.scored is not None:
            self.scored.show_rows(measures.scored.columns, measures.scored.rows)
        clear(self._spectra)
        self.grids = []
        for kind, shown in measures.spectra.items():
            self._add_spectra(kind, shown)
        clear(self._maps)
        self.maps = []
        self._maps_heading.setVisible(bool(measures.maps))
        for place, (step, document) in enumerate(spread(measures.maps)):
            panel = ScatterPanel(messages.CHECKPOINT_STEP.format(step=step).capitalize(), name=f"map_{place}")
            fix_height(panel, MAP_HEIGHT)
            panel.show_document(document, step)
            self.maps.append(panel)
            self._maps.addWidget(panel, place // ACROSS, place % ACROSS)
        for place in range(ACROSS):
            self._maps.setColumnStretch(place, 1)

    def _add_spectra(self, kind: str, shown: Sequence[Shown]) -> None:
        some = spread(shown)
        own = kind.split()[1:]
        heading = messages.SPECTRA_HEADING.format(count=messages.count(len(shown), "step"))
        if own:
            heading += f" · {messages.MATRICES.get(own[0], own[0])}, BN {own[-1]}"
        words = [messages.SPECTRA_SAME_AXES] if len(some) > 1 else []
        if len(some) < len(shown):
            words.append(messages.SPECTRA_SOME.format(shown=len(some), count=len(shown)))
        grid = SpectraGrid(kind.replace(" ", "_"))
        grid.show_spectra(
            [(messages.CHECKPOINT_STEP.format(step=step).capitalize(), step, document) for step, document in some]
        )
        self.grids.append(grid)
        self._spectra.addWidget(label(heading, "heading"))
        if words:
            self._spectra.addWidget(label(" ".join(words), "quiet", wrap=True))
        self._spectra.addWidget(grid)


class FigureTable(QTableWidget):
    """Rows of figures that are only read, as high as they are."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setFont(theme.tabular(self.font()))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)

    def show_rows(self, columns: Sequence[str], rows: Sequence[Sequence[str]], tips: Sequence[str] = ()) -> None:
        """Replaces what is shown; `tips` has a tooltip per row, or none."""
        self.setColumnCount(len(columns))
        self.setHorizontalHeaderLabels(list(columns))
        self.setRowCount(len(rows))
        for i, row in enumerate(rows):
            for j, text in enumerate(row):
                item = QTableWidgetItem(text)
                item.setToolTip(tips[i] if tips else "")
                self.setItem(i, j, item)
        # The page around it scrolls; a long one scrolls by itself too.
        self.setFixedHeight(ROW * (min(len(rows), MOST) + 1) + UNIT)


class EvaluationTable(FigureTable):
    """One row per figure: task, metric, mean with its interval, n, how it was computed."""

    def __init__(self) -> None:
        super().__init__("evaluation_table")

    def show_findings(self, found: Sequence[Finding]) -> None:
        rows = [(one.task, one.metric, one.figure, one.n, one.how) for one in found]
        tips = ["\n".join(filter(None, [one.how, one.detail])) for one in found]
        self.show_rows(messages.EVALUATION_COLUMNS, rows, tips)
