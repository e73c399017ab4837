"""Rows of a form that is no method's: a name with its help, and a control."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from sagittal_app.forms.form import LABEL_WIDTH
from sagittal_app.widgets.basics import UNIT, label


def labelled_rows(*rows: tuple[str, QWidget, str]) -> QGridLayout:
    """(name, control, help) below each other, names in a column of their own."""
    grid = QGridLayout()
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(2 * UNIT)
    grid.setVerticalSpacing(UNIT)
    grid.setColumnStretch(1, 1)
    for place, (name, control, help) in enumerate(rows):
        said = label(name)
        said.setFixedWidth(LABEL_WIDTH)
        said.setToolTip(help)
        said.setContentsMargins(0, 6, 0, 0)
        control.setToolTip(help)
        grid.addWidget(said, place, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(control, place, 1)
    return grid
