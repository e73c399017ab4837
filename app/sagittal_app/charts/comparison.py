"""One comparison whole: how far it is, its figure, its table with intervals and n, and what is to be kept in mind."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHeaderView,
    QProgressBar,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from sagittal.comparison import ComparisonFacts, ComparisonState
from sagittal.events import TaskProgress
from sagittal_app import compare_words as words
from sagittal_app import messages, theme
from sagittal_app.charts.budgets import BudgetsPanel
from sagittal_app.models.comparisons import (
    Metric,
    Start,
    colours_of,
    curves_of,
    metrics_of,
    progress,
    row_of,
    title_of,
    written,
)
from sagittal_app.models.run_table import dot
from sagittal_app.native import own_window
from sagittal_app.widgets.basics import UNIT, Elided, Panel, button, column, label, row

ROW = 40
MOST = 8
"""Rows in sight at most; the table scrolls."""
LIVE = (ComparisonState.WAITING, ComparisonState.RUNNING)


class ComparisonHead(Panel):
    """Title, state, progress, and the buttons that steer it."""

    def __init__(self, stop: Callable[[], object], resume: Callable[[], object], again: Callable[[], object]) -> None:
        super().__init__(name="comparison_head", margin=12)
        self.title = Elided("", "heading")
        self.title.setObjectName("comparison_title")
        self.words = Elided("", "soft")
        self.words.setObjectName("comparison_words")
        self.words.setFont(theme.tabular(self.words.font()))
        self.bar = QProgressBar()
        self.bar.setObjectName("comparison_progress")
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(160)
        self.stop = button(messages.STOP, "comparison_stop", stop, icon="mdi6.stop", help=words.STOP_HELP)
        self.resume = button(messages.RESUME, "comparison_resume", resume, icon="mdi6.play", help=words.RESUME_HELP)
        self.again = button(words.AGAIN, "comparison_again", again, icon="mdi6.repeat", help=words.AGAIN_HELP)
        said = column(self.title, self.words, spacing=2)
        line = row(said, self.bar, self.stop, self.resume, self.again)
        line.setStretch(0, 1)
        self.body.addLayout(line)
        self.problem = label("", "danger", wrap=True, selectable=True)
        self.problem.setObjectName("comparison_problem")
        self.body.addWidget(self.problem)

    def show_facts(self, facts: ComparisonFacts, doing: TaskProgress | None) -> None:
        """`doing` is the latest that its task said, while it goes on."""
        live = facts.state in LIVE
        parts = [progress(facts)]
        if live and doing is not None:
            parts += [messages.time_left(doing.seconds_left)] if doing.seconds_left is not None else []
            parts += [doing.message] if doing.message else []
        self.title.say(facts.request.title)
        self.words.say(" · ".join(parts))
        self.bar.setVisible(live)
        self.bar.setRange(0, max(facts.total, 1))
        self.bar.setValue(facts.done)
        self.stop.setVisible(live and bool(facts.task))
        self.resume.setVisible(not live and facts.state is not ComparisonState.FINISHED)
        self.again.setVisible(not live)
        self.problem.setText(facts.reason)
        self.problem.setVisible(bool(facts.reason))


class FiguresTable(QTableWidget):
    """A row per start, a column per budget: one figure's mean, interval and n, and what of it is done."""

    def __init__(self) -> None:
        super().__init__(0, 1)
        self.setObjectName("comparison_table")
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectItems)
        self.setFont(theme.tabular(self.font()))
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def show_facts(self, facts: ComparisonFacts, metric: Metric | None, colours: Mapping[str, str]) -> None:
        budgets, starts = facts.request.budgets, facts.request.starts
        self.setColumnCount(1 + len(budgets))
        counts = [messages.count(budget, "subject") if budget else words.ALL_SUBJECTS for budget in budgets]
        heads = [words.SUBJECTS.format(count=count) for count in counts]
        self.setHorizontalHeaderLabels([words.START_COLUMN, *heads])
        self.setRowCount(len(starts))
        for i, start in enumerate(starts):
            name = QTableWidgetItem(dot(colours[start]), title_of(facts, start))
            name.setToolTip(start)
            self.setItem(i, 0, name)
            for j, budget in enumerate(budgets, start=1):
                self.setItem(i, j, self._cell(facts, metric, start, budget))
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        self.setColumnWidth(0, self.sizeHintForColumn(0) + 2 * UNIT)
        self.setFixedHeight(ROW * min(len(starts), MOST) + header.sizeHint().height() + UNIT)

    def _cell(self, facts: ComparisonFacts, metric: Metric | None, start: str, budget: int) -> QTableWidgetItem:
        found = row_of(facts, start, budget)
        one = found.metrics.get(metric.name) if found is not None and metric is not None else None
        if found is None or one is None or metric is None:
            item = QTableWidgetItem("–")
            item.setForeground(QColor(theme.colour("quiet")))
            return item
        draws = words.DRAWS.format(done=found.repeats, total=facts.request.repeats)
        text = written(one, metric).replace("n = ", "n\u00a0=\u00a0")  # a narrow cell breaks before it, not in it
        item = QTableWidgetItem(text if found.repeats >= facts.request.repeats else f"{text}\n{draws}")
        item.setToolTip(words.CELL_HELP.format(draws=draws, cases=messages.count(found.cases, "scan")))
        return item


class ComparisonBoard(QWidget):
    """See the module's docstring; a running and a past comparison are shown alike."""

    def __init__(self, stop: Callable[[], object], resume: Callable[[], object], again: Callable[[], object]) -> None:
        super().__init__()
        self.setObjectName("comparison_board")
        # Opaque, so that a change in it does not have all that lies behind it painted too.
        self.setAutoFillBackground(True)
        self.facts: ComparisonFacts | None = None
        self._known: Sequence[Start] = ()
        self._metrics: list[Metric] = []
        self.head = ComparisonHead(stop, resume, again)
        self.chart = BudgetsPanel(name="comparison_chart")
        self.figure = QComboBox()
        self.figure.setObjectName("comparison_metric")
        self.figure.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.figure.currentIndexChanged.connect(lambda _index: self._show_figures())
        self.chart.top.addWidget(self.figure)
        self.table = FiguresTable()
        self.notes = label("", wrap=True, selectable=True)
        self.notes.setObjectName("comparison_notes")
        self._notes_heading = label(words.NOTES_HEADING, "quiet")
        self.saved = label("", "soft", wrap=True, selectable=True)
        self.saved.setObjectName("comparison_saved")
        help = words.SAVE_HELP
        self.save_table = button(
            words.SAVE_TABLE, "save_table", self._ask_table, icon="mdi6.table-arrow-down", help=help["table"]
        )
        self.save_cases = button(
            words.SAVE_CASES, "save_cases", self._ask_cases, icon="mdi6.table-arrow-down", help=help["cases"]
        )
        self.save_figure = button(
            words.SAVE_FIGURE, "save_figure", self._ask_figure, icon="mdi6.chart-line", help=help["figure"]
        )
        tables = Panel(words.TABLE_HEADING, name="comparison_tables", margin=12)
        tables.body.addWidget(self.table)
        tables.body.addWidget(self._notes_heading)
        tables.body.addWidget(self.notes)
        tables.body.addStretch(1)
        end = row(self.saved, self.save_table, self.save_cases, self.save_figure)
        end.setStretch(0, 1)
        tables.body.addLayout(end)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setObjectName("comparison_splitter")
        split.setHandleWidth(UNIT)
        split.addWidget(self.chart)
        split.addWidget(tables)
        split.setStretchFactor(0, 1)
        split.setSizes([440, 260])
        body = column(self.head, split)
        body.setStretch(1, 1)
        self.setLayout(body)

    def show_comparison(self, facts: ComparisonFacts, known: Sequence[Start], doing: TaskProgress | None) -> None:
        """`known` are the study's starts, which bring their colours."""
        other = self.facts is None or self.facts.id != facts.id
        self.facts, self._known = facts, known
        self.head.show_facts(facts, doing)
        metrics = metrics_of(facts)
        if metrics != self._metrics or other:
            kept = "" if other else self.figure.currentData()
            self._metrics = metrics
            self.figure.blockSignals(True)
            self.figure.clear()
            for one in metrics:
                self.figure.addItem(one.title, one.name)
            self.figure.setCurrentIndex(max(0, self.figure.findData(kept)))
            self.figure.blockSignals(False)
        self.figure.setVisible(bool(metrics))
        self.notes.setText("\n".join(facts.notes))
        for part in (self._notes_heading, self.notes):
            part.setVisible(bool(facts.notes))
        self.save_table.setEnabled("csv" in facts.files)
        self.save_cases.setEnabled("cases" in facts.files)
        self.save_figure.setEnabled(bool(facts.rows))
        if other:
            self.saved.setText("")
        self._show_figures()

    def say_progress(self, doing: TaskProgress) -> None:
        """Its task is a little further."""
        if self.facts is not None:
            self.head.show_facts(self.facts, doing)

    def save(self, what: str, path: Path) -> None:
        """Writes "table", "cases" or "figure" to `path`, in the form its ending says."""
        assert self.facts is not None
        if what == "figure":
            self.chart.export(path)
        else:
            kind = "cases" if what == "cases" else "table" if path.suffix == ".md" else "csv"
            try:
                shutil.copyfile(self.facts.files[kind], path)
            except OSError as error:
                self.saved.setText(f"{path}: {error.strerror or error}")
                return
        self.saved.setText(words.SAVED.format(path=path))

    def showEvent(self, event: object) -> None:
        if not self.testAttribute(Qt.WidgetAttribute.WA_NativeWindow):
            own_window(self)
        super().showEvent(event)

    def _show_figures(self) -> None:
        if self.facts is None:
            return
        at = self.figure.currentIndex()
        metric = self._metrics[at] if 0 <= at < len(self._metrics) else None
        colours = colours_of(self.facts, self._known)
        curves = curves_of(self.facts, metric.name, colours) if metric is not None else []
        self.chart.show_curves(curves, self.facts.request.budgets, metric)
        if not curves and self.facts.state not in LIVE:
            self.chart.say_waiting(words.NOTHING_DONE)
        self.table.show_facts(self.facts, metric, colours)

    def _ask_table(self) -> None:
        self._ask("table", ".csv", words.TABLE_FILTER)

    def _ask_cases(self) -> None:
        self._ask("cases", "_cases.csv", words.CASES_FILTER)

    def _ask_figure(self) -> None:
        self._ask("figure", ".png", words.FIGURE_FILTER)

    def _ask(self, what: str, ending: str, filter: str) -> None:
        assert self.facts is not None
        name = f"comparison_{self.facts.id}{ending}"
        path, _ = QFileDialog.getSaveFileName(self, words.SAVE_HELP[what], name, filter)
        if path:
            self.save(what, Path(path) if Path(path).suffix else Path(path).with_suffix(Path(ending).suffix))
