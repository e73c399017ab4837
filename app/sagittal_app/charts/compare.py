"""Several runs side by side: curves overlaid, the parameters in which they differ, their figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QGridLayout, QHeaderView, QSplitter, QTableWidget, QTableWidgetItem, QWidget

from sagittal.run_record import RunRecord
from sagittal_app import messages, theme
from sagittal_app.charts.measured import Measures, spread
from sagittal_app.charts.plot import CurveData, LinesPanel
from sagittal_app.charts.spectra import SpectraGrid
from sagittal_app.models.evaluations import measured_on
from sagittal_app.models.run_model import Series, differing
from sagittal_app.widgets.basics import UNIT, Panel, clear, column, label, scrolled
from sagittal_app.widgets.facts_view import shown

ACROSS = 2
CHART_HEIGHT = 232


def figures(records: Sequence[RunRecord]) -> dict[str, list[str]]:
    """Every figure any of the runs was evaluated with: "dice_liver, published" → one text per run."""
    found: dict[str, list[str]] = {}
    for place, record in enumerate(records):
        for document in record.evaluations:
            for metric, one in document.get("summary", {}).items():
                name = f"{metric.replace('_', ' ')}, {measured_on(document)}"
                row = found.setdefault(name, [""] * len(records))
                row[place] = messages.figure(one["mean"], one.get("low"), one.get("high"), one.get("n"))
    return found


class Compare(QWidget):
    """See the module's docstring."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("compare")
        self._heading = label("", "heading")
        self._heading.setObjectName("compare_heading")
        self._charts = QGridLayout()
        self._charts.setContentsMargins(0, 0, 0, 0)
        self._charts.setSpacing(UNIT)
        charts = QWidget()
        self._spectra_heading = label(messages.SPECTRA_COMPARED, "heading", wrap=True)
        self.spectra = SpectraGrid("compare_spectra", ACROSS)
        charts.setLayout(column(self._charts, self._spectra_heading, self.spectra, None))
        self.differences = _Side(messages.DIFFERENCES_HEADING, messages.NO_DIFFERENCES, "differences")
        self.figures = _Side(messages.FIGURES_HEADING, messages.FIGURES_NONE, "figures")
        tables = QWidget()
        sides = column(self.differences, self.figures)
        sides.setStretch(0, 1)
        sides.setStretch(1, 1)
        tables.setLayout(sides)
        split = QSplitter()
        split.setHandleWidth(UNIT)
        split.addWidget(scrolled(charts, "compare_charts"))
        split.addWidget(tables)
        split.setSizes([600, 560])
        body = column(self._heading, split)
        body.setStretch(1, 1)
        self.setLayout(body)

    def show_runs(
        self,
        records: Sequence[RunRecord],
        title: Callable[[RunRecord], str],
        colour: Callable[[str], str],
        measures: Sequence[Measures] = (),
    ) -> None:
        """`measures` are those of the runs, in their order; of each, its first and last spectrum are compared."""
        self._heading.setText(messages.COMPARE_HEADING.format(count=len(records)))
        names = [f"{title(record)} {record.facts.run}" for record in records]
        # Of one method alone, a run's id says all; it fits legends and headings.
        short = [record.facts.run for record in records]
        is_one = len({title(record) for record in records}) == 1
        heads = short if is_one else [f"{title(record)}\n{record.facts.run}" for record in records]
        colours = [colour(record.facts.run) for record in records]
        clear(self._charts)
        series = list(dict.fromkeys(name for record in records for name in record.metrics))
        series.sort(key=lambda name: "loss" not in name)
        for place, name in enumerate(series):
            panel = LinesPanel(messages.heading(name), y_label=messages.words(name), name=f"compare_{name}")
            panel.setFixedHeight(CHART_HEIGHT)
            curves = []
            for words, paint, record in zip(short if is_one else names, colours, records, strict=True):
                points = Series(*record.metrics.get(name, ([], [])))
                curves.append(CurveData(words, paint, points.steps, points.values))
            panel.set_curves(curves)
            self._charts.addWidget(panel, place // ACROSS, place % ACROSS)
        moments = [
            (messages.RUN_AT_STEP.format(run=name, step=step), step, document)
            for name, one in zip(short if is_one else names, measures, strict=False)
            for step, document in spread(one.spectra.get("spectrum", ()), ACROSS)
        ]
        self.spectra.show_spectra(moments)
        self._spectra_heading.setVisible(bool(moments))
        self.differences.fill(heads, {k: [shown(v) for v in row] for k, row in differing(list(records)).items()})
        self.figures.fill(heads, figures(records))


class _Side(Panel):
    """A heading over a small table, or over the sentence that says why there is none."""

    def __init__(self, heading: str, empty: str, name: str) -> None:
        super().__init__(heading, name=f"{name}_panel", margin=12)
        self._empty = label(empty, "soft", wrap=True)
        self.table = QTableWidget()
        self.table.setObjectName(name)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setFont(theme.tabular(self.table.font()))
        self.table.setShowGrid(False)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.body.addWidget(self._empty)
        self.body.addWidget(self.table, 1)
        self.body.addStretch(0)

    def fill(self, columns: Sequence[str], rows: Mapping[str, Sequence[Any]]) -> None:
        self._empty.setVisible(not rows)
        self.table.setVisible(bool(rows))
        self.table.setColumnCount(len(columns))
        self.table.setHorizontalHeaderLabels(list(columns))
        self.table.setRowCount(len(rows))
        self.table.setVerticalHeaderLabels([messages.heading(name) for name in rows])
        for i, values in enumerate(rows.values()):
            for j, value in enumerate(values):
                self.table.setItem(i, j, QTableWidgetItem(str(value)))
