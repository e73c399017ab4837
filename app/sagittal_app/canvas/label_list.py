"""The labels of the open set: choose, name, colour, show, lock, add."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QFrame, QLineEdit, QToolButton, QVBoxLayout, QWidget

from sagittal.facts import Label
from sagittal_app import theme
from sagittal_app.canvas.state import CanvasState
from sagittal_app.widgets.basics import UNIT, button, clear, column, row, tool


class LabelList(QWidget):
    """One line per label of the state's document; the active one is marked."""

    def __init__(self, state: CanvasState) -> None:
        super().__init__()
        self.setObjectName("label_list")
        self.state = state
        self._shown: tuple[object, ...] = ()
        self._rows = QVBoxLayout()
        self._rows.setSpacing(2)
        self.add = button("Add a label", "label_add", self._add, icon="mdi6.plus")
        self.setLayout(column(self._rows, self.add))
        self.add.hide()
        state.document_changed.connect(self._fill)
        state.table_changed.connect(self._fill)
        theme.current.changed.connect(self._repaint)

    def _repaint(self) -> None:
        """The rows carry colours of the theme in use when they were made."""
        self._shown = ()
        self._fill()

    def _fill(self) -> None:
        document = self.state.document
        self.add.setVisible(document is not None and document.writable)
        facts: tuple[object, ...] = ()
        if document is not None:
            facts = (
                id(document),
                document.labels,
                document.active,
                frozenset(document.hidden),
                frozenset(document.locked),
            )
        if facts == self._shown:
            return
        self._shown = facts
        clear(self._rows)
        for label in document.labels if document else ():
            self._rows.addWidget(self._line(label))

    def _line(self, label: Label) -> QWidget:
        document = self.state.document
        assert document is not None
        number = label.number
        swatch = QToolButton()
        swatch.setObjectName(f"label_colour_{number}")
        swatch.setToolTip(f"Change the colour of {label.name}")
        swatch.setFixedSize(18, 18)
        swatch.setStyleSheet(
            f"background: {label.colour}; border: 1px solid {theme.colour('line')}; border-radius: 4px;"
        )
        swatch.clicked.connect(lambda _checked=False: self._recolour(label))
        name = QLineEdit(label.name)
        name.setObjectName(f"label_name_{number}")
        name.setFrame(False)
        name.setStyleSheet("QLineEdit { background: transparent; border: none; padding: 2px; }")
        name.setReadOnly(not document.writable)
        name.editingFinished.connect(lambda: self._rename(label, name.text()))
        hidden, locked = number in document.hidden, number in document.locked
        show = tool(
            "mdi6.eye-off-outline" if hidden else "mdi6.eye-outline", f"Show or hide {label.name}",
            f"label_show_{number}", lambda: self._act(lambda d: d.set_hidden(number, not hidden)),
        )  # fmt: skip
        lock = tool(
            "mdi6.lock" if locked else "mdi6.lock-open-variant-outline",
            f"Lock {label.name}, so that nothing paints over it",
            f"label_lock_{number}", lambda: self._act(lambda d: d.set_locked(number, not locked)),
        )  # fmt: skip
        line = _Line(number, self)
        line.setProperty("active", number == document.active)
        background = theme.colour("selection") if number == document.active else "transparent"
        line.setStyleSheet(f"QFrame#label_row_{number} {{ background: {background}; border-radius: 6px; }}")
        inner = row(swatch, name, show, lock, spacing=4)
        inner.setContentsMargins(UNIT, 1, 2, 1)
        line.setLayout(inner)
        return line

    def choose(self, number: int) -> None:
        self._act(lambda document: document.choose(number))

    def _act(self, change: object) -> None:
        if self.state.document is not None:
            change(self.state.document)  # type: ignore[operator]

    def _add(self) -> None:
        document = self.state.document
        if document is not None:
            made = document.add_label()
            field = self.findChild(QLineEdit, f"label_name_{made.number}")
            if field is not None:
                field.setFocus()
                field.selectAll()

    def _rename(self, label: Label, name: str) -> None:
        if name.strip() and name.strip() != label.name:
            self._act(lambda document: document.change_label(label.number, name=name.strip()))

    def _recolour(self, label: Label) -> None:
        dialog = QColorDialog(QColor(label.colour), self)
        dialog.setObjectName("label_colour_dialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(
            lambda colour: self._act(lambda d: d.change_label(label.number, colour=colour.name().upper()))
        )
        dialog.open()


class _Line(QFrame):
    """A row that makes its label the active one when clicked."""

    def __init__(self, number: int, owner: LabelList) -> None:
        super().__init__()
        self.setObjectName(f"label_row_{number}")
        self._number = number
        self._owner = owner

    def mousePressEvent(self, _event: object) -> None:
        self._owner.choose(self._number)
