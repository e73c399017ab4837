"""The narrow rail at the left: the pages in the order of the work, settings below."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton

from sagittal_app import theme
from sagittal_app.widgets.basics import UNIT, column

WIDTH = 80


class Rail(QFrame):
    """One button per page, each an icon and a word."""

    def __init__(self, pages: Sequence[tuple[str, str, str]], go_to: Callable[[str], object], last: int = 1) -> None:
        """`pages` are (name, title, icon); the `last` of them stand at the bottom."""
        super().__init__()
        self.setObjectName("rail")
        self.setFixedWidth(WIDTH)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        for name, title, icon in pages:
            made = QToolButton()
            made.setObjectName(f"rail_{name}")
            made.setText(title)
            made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            made.setCheckable(True)
            made.setFixedSize(QSize(WIDTH - 2 * UNIT, 7 * UNIT))
            theme.set_icon(made, icon, "text", 20)
            made.clicked.connect(lambda _checked=False, name=name: go_to(name))
            self._group.addButton(made)
            self._buttons[name] = made
        buttons = list(self._buttons.values())
        body = column(*buttons[:-last], None, *buttons[-last:], spacing=UNIT // 2)
        body.setContentsMargins(UNIT, UNIT, UNIT, UNIT)
        self.setLayout(body)

    def button(self, name: str) -> QToolButton:
        return self._buttons[name]

    def show_page(self, name: str) -> None:
        self._buttons[name].setChecked(True)
