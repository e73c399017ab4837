"""Errors that C code raises in methods that Qt calls: told, and the program goes on."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, Qt
from PySide6.QtWidgets import QListView, QWidget

pytestmark = pytest.mark.window


class Stumbling(QWidget):
    def resizeEvent(self, event) -> None:
        [][0]


class Watching(QObject):
    def eventFilter(self, watched, event) -> bool:
        return event.type() == QEvent.Type.Resize and [][0]


class Model(QAbstractListModel):
    def rowCount(self, parent=QModelIndex()) -> int:  # noqa: B008
        return 1

    def data(self, index, role=Qt.ItemDataRole.DisplayRole):
        range(0, 0, 0)


def told(qtbot, act) -> list[str]:
    """What `act()` raised, or was told of, as the window would tell it."""
    with qtbot.captureExceptions() as caught:
        try:
            act()
        except (IndexError, ValueError) as error:
            return [str(error)]
        qtbot.wait(20)
    return [str(error) for _, error, _ in caught]


def test_events_that_stumble_are_told(qtbot):
    widget = Stumbling()
    qtbot.addWidget(widget)
    assert any("list index out of range" in text for text in told(qtbot, widget.show))


def test_so_are_filters_of_events_and_models(qtbot):
    widget, watching = QWidget(), Watching()
    qtbot.addWidget(widget)
    widget.show()
    widget.installEventFilter(watching)
    assert any("list index out of range" in text for text in told(qtbot, lambda: widget.resize(321, 123)))
    widget.removeEventFilter(watching)
    view, model = QListView(), Model()
    qtbot.addWidget(view)
    view.setModel(model)
    assert any("must not be zero" in text for text in told(qtbot, lambda: view.model().index(0).data()))
    view.setModel(None)


def test_what_a_method_gives_and_takes_stays_as_it_was(qtbot):
    class Wide(QWidget):
        def sizeHint(self):
            """Half a mile."""
            return super().sizeHint().expandedTo(self.maximumSize())

    wide = Wide()
    qtbot.addWidget(wide)
    assert wide.sizeHint() == wide.maximumSize() and Wide.sizeHint.__doc__ == "Half a mile."
