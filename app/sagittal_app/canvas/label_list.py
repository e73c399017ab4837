"""The labels of the open set: choose, name, colour, show, lock, add, find."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog, QFrame, QLineEdit, QToolButton, QToolTip, QVBoxLayout, QWidget

from sagittal.facts import Label
from sagittal_app import theme
from sagittal_app.canvas import tool_words
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.state import CanvasState
from sagittal_app.widgets.basics import UNIT, button, clear, column, row, scrolled, tool

LINE = 32
"""Height of a line in pixels."""
MOST_LINES = 9
"""As many are seen at once; more scroll, and can be found by name."""


class LabelList(QWidget):
    """One line per label of the state's document; the active one is marked."""

    def __init__(self, state: CanvasState) -> None:
        super().__init__()
        self.setObjectName("label_list")
        self.state = state
        self._lines: dict[int, _Line] = {}
        self._shown_active = 0
        self._find = QLineEdit()
        self._find.setObjectName("label_find")
        self._find.setPlaceholderText(tool_words.FIND_LABEL)
        self._find.setClearButtonEnabled(True)
        self._find.textChanged.connect(lambda _text: self._sift())
        self._rows = QVBoxLayout()
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        content = QWidget()
        content.setLayout(column(self._rows, None, spacing=0))
        self._area = scrolled(content, "label_rows")
        self.add = button("Add a label", "label_add", self._add, icon="mdi6.plus")
        self.setLayout(column(self._find, self._area, self.add))
        self.add.hide()
        state.document_changed.connect(self._fill)
        state.table_changed.connect(self._fill)
        theme.current.changed.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        """Follows the document; lines are made anew only where the labels are others."""
        document = self.state.document
        labels = document.labels if document else ()
        self.add.setVisible(document is not None and document.writable)
        self._find.setVisible(len(labels) > MOST_LINES)
        if list(self._lines) != [one.number for one in labels]:
            clear(self._rows)
            self._lines = {one.number: _Line(one.number, self) for one in labels}
            for line in self._lines.values():
                self._rows.addWidget(line)
            self._find.clear()
        for one in labels:
            assert document is not None
            self._lines[one.number].follow(one, document)
        self._sift()
        active = document.active if document else 0
        if active != self._shown_active:
            self._shown_active = active
            # Once the new lines have their places.
            QTimer.singleShot(0, self, self._bring_active)

    def _bring_active(self) -> None:
        line = self._lines.get(self._shown_active)
        if line is not None:
            self._area.ensureWidgetVisible(line, 0, LINE)

    def _sift(self) -> None:
        """Shows the lines whose names hold what is looked for."""
        wanted = self._find.text().strip().lower()
        fitting = [line for line in self._lines.values() if wanted in line.name.text().lower()]
        for line in self._lines.values():
            line.setVisible(line in fitting)
        self._area.setFixedHeight(LINE * min(len(fitting), MOST_LINES))

    def choose(self, number: int) -> None:
        self.act(lambda document: document.choose(number))

    def act(self, change: Callable[[LabelDocument], object]) -> None:
        """Changes the document, where there is one."""
        if self.state.document is not None:
            change(self.state.document)

    def _add(self) -> None:
        document = self.state.document
        if document is not None:
            made = document.add_label()
            field = self._lines[made.number].name
            field.setFocus()
            field.selectAll()

    def rename(self, label: Label, field: QLineEdit) -> None:
        """Gives a label the name in `field`; a name that another one has is refused beside the field."""
        name = field.text().strip()
        others = [one.name for one in self.state.document.labels if one.number != label.number] if name else []
        if name in others:
            field.setText(label.name)
            QToolTip.showText(
                field.mapToGlobal(QPoint(0, field.height())), tool_words.NAME_TAKEN.format(name=name), field
            )
        elif name and name != label.name:
            self.act(lambda document: document.change_label(label.number, name=name))
        else:
            field.setText(label.name)

    def recolour(self, label: Label) -> None:
        dialog = QColorDialog(QColor(label.colour), self)
        dialog.setObjectName("label_colour_dialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(
            lambda colour: self.act(lambda d: d.change_label(label.number, colour=colour.name().upper()))
        )
        dialog.open()


class _Line(QFrame):
    """A line that makes its label the active one when clicked."""

    def __init__(self, number: int, owner: LabelList) -> None:
        super().__init__()
        self.setObjectName(f"label_row_{number}")
        self.setFixedHeight(LINE)
        self._owner = owner
        self._label = Label(number, "", "")
        self._looks: tuple[object, ...] = ()
        self._swatch = QToolButton()
        self._swatch.setObjectName(f"label_colour_{number}")
        self._swatch.setFixedSize(18, 18)
        self._swatch.clicked.connect(lambda _checked=False: owner.recolour(self._label))
        self.name = QLineEdit()
        self.name.setObjectName(f"label_name_{number}")
        self.name.setFrame(False)
        self.name.setStyleSheet("QLineEdit { background: transparent; border: none; padding: 2px; }")
        self.name.editingFinished.connect(lambda: owner.rename(self._label, self.name))
        self._show = tool("mdi6.eye-outline", "", f"label_show_{number}", lambda: owner.act(self._toggle_shown))
        self._lock = tool("mdi6.lock", "", f"label_lock_{number}", lambda: owner.act(self._toggle_locked))
        inner = row(self._swatch, self.name, self._show, self._lock, spacing=4)
        inner.setContentsMargins(UNIT, 1, 2, 1)
        self.setLayout(inner)

    def follow(self, label: Label, document: LabelDocument) -> None:
        """Shows a label as it is now."""
        number = label.number
        hidden, locked, active = number in document.hidden, number in document.locked, number == document.active
        looks = (label, hidden, locked, active, document.writable, theme.colour("selection"))
        if looks == self._looks:
            return
        self._looks, self._label = looks, label
        if not self.name.hasFocus() or not self.name.isModified():
            self.name.setText(label.name)
        self.name.setReadOnly(not document.writable)
        self.name.setToolTip(label.name)
        self._swatch.setToolTip(f"Change the colour of {label.name}")
        self._swatch.setEnabled(document.writable)
        edge = theme.colour("line")
        self._swatch.setStyleSheet(f"background: {label.colour}; border: 1px solid {edge}; border-radius: 4px;")
        theme.set_icon(self._show, "mdi6.eye-off-outline" if hidden else "mdi6.eye-outline")
        theme.set_icon(self._lock, "mdi6.lock" if locked else "mdi6.lock-open-variant-outline")
        self._show.setToolTip(f"{'Show' if hidden else 'Hide'} {label.name}")
        self._lock.setToolTip(
            f"Unlock {label.name}" if locked else f"Lock {label.name}, so that nothing paints over it"
        )
        for made in (self._show, self._lock, self._swatch):
            made.setAccessibleName(made.toolTip())
        self.setProperty("active", active)
        background = theme.colour("selection") if active else "transparent"
        self.setStyleSheet(f"QFrame#label_row_{number} {{ background: {background}; border-radius: 6px; }}")

    def _toggle_shown(self, document: LabelDocument) -> None:
        document.set_hidden(self._label.number, self._label.number not in document.hidden)

    def _toggle_locked(self, document: LabelDocument) -> None:
        document.set_locked(self._label.number, self._label.number not in document.locked)

    def mousePressEvent(self, _event: object) -> None:
        self._owner.choose(self._label.number)
