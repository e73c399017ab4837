"""What the window shows while no study is open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from sagittal_app import messages, theme
from sagittal_app.settings import Settings
from sagittal_app.widgets.basics import UNIT, Elided, button, clear, column, label, row

CARD_WIDTH = 208


class StartPage(QWidget):
    """One sentence, one icon, three ways in, and the studies opened before."""

    def __init__(
        self,
        settings: Settings,
        *,
        new: Callable[[], object],
        open: Callable[[], object],
        demo: Callable[[], object],
        reopen: Callable[[Path], object],
    ) -> None:
        super().__init__()
        self.setObjectName("start_page")
        self._settings = settings
        self._reopen = reopen
        picture = QLabel()
        theme.set_icon(picture, "mdi6.view-split-vertical", "accent", 56)
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        name = label("Sagittal", "title")
        name.setAlignment(Qt.AlignmentFlag.AlignCenter)
        sentence = label(messages.WELCOME, "soft")
        sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        ways = row(
            None,
            self._way(
                messages.START_NEW, messages.START_NEW_ABOUT, "start_new", new, "mdi6.folder-plus-outline", "primary"
            ),
            self._way(messages.START_OPEN, messages.START_OPEN_ABOUT, "start_open", open, "mdi6.folder-open-outline"),
            self._way(messages.START_DEMO, messages.START_DEMO_ABOUT, "start_demo", demo, "mdi6.flask-outline"),
            None,
            spacing=2 * UNIT,
        )
        self._recent = QVBoxLayout()
        self._recent.setSpacing(UNIT // 2)
        recent = QFrame()
        recent.setLayout(self._recent)
        recent.setFixedWidth(3 * CARD_WIDTH + 4 * UNIT)
        body = column(None, picture, name, sentence, 2 * UNIT, ways, 2 * UNIT)
        body.addWidget(recent, 0, Qt.AlignmentFlag.AlignHCenter)
        body.addStretch(2)
        self.setLayout(body)
        self.refresh()

    def refresh(self) -> None:
        """Lists the recent studies anew."""
        clear(self._recent)
        paths = [Path(path) for path in self._settings.recent_studies][:6]
        if not paths:
            return
        self._recent.addWidget(label(messages.RECENT, "heading"))
        for index, path in enumerate(paths):
            self._recent.addWidget(_Recent(path, index, self._reopen))

    def _way(self, title: str, about: str, name: str, run: Callable[[], object], icon: str, role: str = "") -> QWidget:
        made = button(title, name, run, role=role, icon=icon)
        made.setFixedHeight(5 * UNIT)
        below = label(about, "quiet", wrap=True)
        below.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        below.setFixedHeight(4 * UNIT)
        holder = QWidget()
        holder.setFixedWidth(CARD_WIDTH)
        holder.setLayout(column(made, below))
        return holder


class _Recent(QPushButton):
    """A study opened before: its name, and where it lies."""

    def __init__(self, path: Path, index: int, reopen: Callable[[Path], object]) -> None:
        super().__init__()
        self.setObjectName(f"recent_{index}")
        self.setAccessibleName(path.name)
        self.setToolTip(str(path))
        self.setProperty("role", "entry")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(4 * UNIT)
        self.clicked.connect(lambda _checked=False: reopen(path))
        picture = QLabel()
        theme.set_icon(picture, "mdi6.folder-outline", "quiet", 16)
        where = Elided(str(path.parent), "quiet")
        where.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        inner = row(picture, label(path.name), where)
        inner.setStretch(2, 1)
        inner.setContentsMargins(UNIT, 0, UNIT, 0)
        self.setLayout(inner)
