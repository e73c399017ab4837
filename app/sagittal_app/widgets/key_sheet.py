"""Every key and every gesture of the mouse on one sheet, over the window: `?` and F1 bring it, and take it away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QWidget

from sagittal_app import messages, settings, shortcuts
from sagittal_app.actions import ActionRegistry
from sagittal_app.canvas import mouse
from sagittal_app.settings import Settings
from sagittal_app.widgets.basics import UNIT, button, clear, column, label, row, scrolled

COLUMN_WIDTH = 380
SIZE = (1320, 840)


class KeySheet(QDialog):
    """Made once, filled anew at each showing. `change` goes where keys are changed."""

    def __init__(
        self, parent: QWidget, registry: ActionRegistry, store: Settings, change: Callable[[], object]
    ) -> None:
        super().__init__(parent)
        self.setObjectName("key_sheet")
        self.setWindowTitle(messages.SHORTCUTS_HEADING)
        self._registry = registry
        self._settings = store
        self._columns = QHBoxLayout()
        self._columns.setSpacing(4 * UNIT)
        content = QWidget()
        content.setLayout(self._columns)
        change_button = button(messages.SHORTCUTS_CHANGE, "key_sheet_change", lambda: self._leave(change))
        close = button(messages.CLOSE, "key_sheet_close", self.hide, role="primary")
        body = column(scrolled(content, "key_sheet_scroll"), row(None, change_button, close))
        body.setContentsMargins(3 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)

    def toggle(self) -> None:
        """Shows what the keys are now, or goes away."""
        if self.isVisible():
            self.hide()
            return
        room = self.parentWidget().size()
        self.resize(min(SIZE[0], room.width() - 8 * UNIT), min(SIZE[1], room.height() - 8 * UNIT))
        self._fill()
        self.show()
        self.setFocus()

    def _leave(self, change: Callable[[], object]) -> None:
        self.hide()
        change()

    def keyPressEvent(self, event) -> None:
        """The keys that bring the sheet take it away, as Escape does."""
        if shortcuts.key_text(event) in self._registry.keys("help.shortcuts"):
            self.hide()
        else:
            super().keyPressEvent(event)

    def _fill(self) -> None:
        """Groups one under another in as many columns as fit, all about equally long."""
        clear(self._columns)
        listed = [one for one in shortcuts.rows(self._registry) if one.keys]
        preset = self._settings.mouse_preset
        lines = [_heading(messages.MOUSE_LABEL.format(name=settings.MOUSE_NAMES[preset])), *mouse.described(preset)]
        for name, members in groupby(listed, lambda one: one.group):
            lines.append(_heading(name))
            lines += [("  ".join(map(shortcuts.spoken_key, one.keys)), one.title) for one in members]
        columns = max(1, min(3, (self.width() - 5 * UNIT) // COLUMN_WIDTH))
        length = -(-len(lines) // columns)
        while lines:
            # A heading goes over into the next column with what it heads.
            end = length - 1 if len(lines) > length and lines[length - 1] == _heading(lines[length - 1][0]) else length
            self._columns.addWidget(_column(lines[:end]), 1)
            lines = lines[end:]


def _heading(name: str) -> tuple[str, str]:
    """A line that is a group's name, and no key."""
    return name, ""


def _column(lines: Sequence[tuple[str, str]]) -> QWidget:
    grid = QGridLayout()
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(2 * UNIT)
    grid.setVerticalSpacing(2)
    for at, (key, title) in enumerate(lines):
        if (key, title) == _heading(key):
            heading = label(key, "heading")
            heading.setContentsMargins(0, UNIT if at else 0, 0, 2)
            grid.addWidget(heading, at, 0, 1, 2)
        else:
            grid.addWidget(label(key, "soft"), at, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label(title, wrap=True), at, 1)
    grid.setColumnMinimumWidth(0, 112)
    grid.setColumnStretch(1, 1)
    grid.setRowStretch(len(lines), 1)
    made = QWidget()
    made.setLayout(grid)
    return made
