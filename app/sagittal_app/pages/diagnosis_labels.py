"""Which labels of the study's exams stand together: a square of shares, how rare each label is, and SCUMBLE."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtWidgets import QWidget

from sagittal.concurrence import Concurrence, concurrence
from sagittal_app import diagnosis_words as words
from sagittal_app import messages
from sagittal_app.charts.squares import MatrixPanel
from sagittal_app.pages.diagnosis_figures import fill_table, make_table
from sagittal_app.widgets.basics import Panel, column, label, row

NOTABLE = 0.1
"""SCUMBLE from which labels count as hard to even out by drawing (Charte et al., HAIS 2014)."""
CELL = 72
"""Pixels of a cell's side at most."""


class LabelsPanel(QWidget):
    """See the module's docstring."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("diagnosis_labels")
        self.square = MatrixPanel(words.CONCURRENCE_HEADING, words.CONCURRENCE_ABOUT, name="concurrence")
        self.square.body.addStretch(9)
        self.counts = make_table("concurrence_counts")
        self.says = label("", wrap=True, selectable=True)
        self.says.setObjectName("concurrence_says")
        counts = Panel(words.COUNTS_HEADING, margin=12)
        counts.body.addWidget(self.counts)
        counts.body.addWidget(self.says)
        counts.body.addStretch(1)
        body = row(self.square, counts)
        body.setStretch(0, 1)
        body.setStretch(1, 1)
        self.setLayout(column(body))

    def show_truths(self, truths: Mapping[str, Mapping[str, bool]]) -> None:
        """`truths`: exam → label → whether it has it."""
        found = concurrence(truths)
        self.counts.setVisible(bool(found.labels))
        if not found.labels:
            self.square.say_waiting(words.NO_LABELS_YET)
            self.says.setText("")
            return
        count = len(found.labels)
        shares = [[_known(found.given(i, j)) for j in range(count)] for i in range(count)]
        self.square.squares.setMaximumHeight(CELL * (count + 1))
        self.square.show_document({"labels": found.labels, "values": shares}, 0)
        fill_table(self.counts, list(words.COUNT_COLUMNS), [_row(found, i) for i in range(count)], {})
        for place, help in enumerate(words.COUNT_COLUMNS.values()):
            self.counts.horizontalHeaderItem(place).setToolTip(help)
        says = words.SCUMBLE_HIGH if found.mean_scumble >= NOTABLE else words.SCUMBLE_LOW
        exams = messages.count(found.exams, "exam")
        self.says.setText(words.SCUMBLE.format(value=found.mean_scumble, exams=exams, says=says))


def _row(found: Concurrence, i: int) -> list[str]:
    having, known, ratio = found.counts[i][i], found.known[i], found.imbalance[i]
    rarer = words.TIMES.format(ratio=ratio) if math.isfinite(ratio) else words.NEVER
    return [found.labels[i], str(having), str(known), f"{having / known:.0%}" if known else "–", rarer]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
