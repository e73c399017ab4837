"""The header: page title and study name, the search box, the inspector's switch."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget

from sagittal_app import messages, theme
from sagittal_app.actions import spoken
from sagittal_app.widgets.basics import UNIT, Elided, label, row, tool


class Header(QWidget):
    """One line above the page."""

    def __init__(self, search: Callable[[], object], inspector: Callable[[], object]) -> None:
        super().__init__()
        self.setObjectName("header")
        self.setFixedHeight(7 * UNIT)
        self.title = label("", "title")
        self.title.setObjectName("page_title")
        self.study = Elided("", "soft")
        self.study.setObjectName("study_name")
        self.search = QPushButton(messages.SEARCH_HINT)
        self.search.setObjectName("search_box")
        self.search.setStyleSheet("text-align: left; font-weight: normal;")
        self.search.setFixedWidth(288)
        self.search.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.set_icon(self.search, "mdi6.magnify", "quiet", 16)
        self.search.clicked.connect(lambda _checked=False: search())
        self.inspector = tool("mdi6.dock-right", "Inspector", "inspector_toggle", inspector, checkable=True)
        body = row(self.title, self.study, self.search, self.inspector, spacing=2 * UNIT)
        body.setStretch(1, 1)
        body.setContentsMargins(2 * UNIT, UNIT, UNIT, UNIT)
        self.setLayout(body)

    def show_search_key(self, key: str) -> None:
        """Names the key that opens the search."""
        self.search.setText(f"{messages.SEARCH_HINT}    {spoken(key)}")

    def say(self, title: str, study: str) -> None:
        self.title.setText(title)
        self.study.say(f"·  {study}" if study else "")
