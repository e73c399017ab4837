"""Right-click on a chart: its picture, its drawing or its values as a file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from sagittal_app import messages

PICTURE, DRAWING, VALUES = ".png", ".svg", ".csv"
WORDS = {PICTURE: messages.EXPORT_PNG, DRAWING: messages.EXPORT_SVG, VALUES: messages.EXPORT_CSV}


def write_columns(path: Path, columns: dict[str, Sequence[float | str]]) -> None:
    """Heading → values as CSV; shorter columns end in empty cells."""
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(columns)
        length = max((len(values) for values in columns.values()), default=0)
        for i in range(length):
            write.writerow([values[i] if i < len(values) else "" for values in columns.values()])


def offer_export(
    chart: QWidget, title: str, write: Callable[[Path], object], endings: Sequence[str] = tuple(WORDS)
) -> None:
    """Gives `chart` a context menu of the files that `write` can make of it."""

    def ask(ending: str) -> None:
        path, _ = QFileDialog.getSaveFileName(chart, "", title.lower().replace(" ", "_") + ending, f"*{ending}")
        if path:
            write(Path(path).with_suffix(ending))

    def show(where: QPoint) -> None:
        menu = QMenu(chart)
        menu.setObjectName("chart_menu")
        for ending in endings:
            menu.addAction(WORDS[ending], lambda ending=ending: ask(ending))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(chart.mapToGlobal(where))

    chart.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    chart.customContextMenuRequested.connect(show)
