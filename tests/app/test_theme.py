"""The theme: changed in one go, however deep the widgets lie."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from sagittal_app import theme


class Changes(QObject):
    """Counts how often a widget is dressed."""

    count = 0

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.StyleChange
        return False


def test_a_change_of_theme_dresses_the_deepest_widget_twice_at_most(qtbot):
    theme.apply("dark")
    outermost = here = QWidget()
    qtbot.addWidget(outermost)
    for _ in range(12):
        inner = QWidget()
        QVBoxLayout(here).addWidget(inner)
        here = inner
    deepest = QLabel("12")
    QVBoxLayout(here).addWidget(deepest)
    outermost.show()
    changes = Changes()
    deepest.installEventFilter(changes)

    theme.apply("light")

    assert 1 <= changes.count <= 2
    assert deepest.palette().windowText().color().name() == theme.LIGHT["text"].lower()
    theme.apply("dark")
