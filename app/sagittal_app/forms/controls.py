"""One control per kind of parameter: number, switch, choice, text, path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QLineEdit, QVBoxLayout, QWidget

from sagittal.params import FieldDescription
from sagittal_app import messages
from sagittal_app.widgets.basics import UNIT, label, row, set_role, tool

WIDTH = 144


class Control(QWidget):
    """A control for one parameter."""

    changed = Signal()

    def __init__(self, field: FieldDescription) -> None:
        super().__init__()
        self.field = field

    def value(self) -> Any:
        """The value as the parameters take it; meaningless while there is a `problem`."""
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        raise NotImplementedError

    def problem(self) -> str:
        """What is wrong with what was typed; empty where nothing is."""
        return ""

    def same(self, value: Any) -> bool:
        """Whether the control stands at `value`."""
        return bool(self.value() == value)

    def offer(self, names: Mapping[str, str]) -> None:
        """What the open study has to choose from, each with a sentence; for parameters with `choices_from`."""


def show_number(value: Any) -> str:
    """A number as one would type it: 0.001, 2e-05, 100000."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


class NumberEdit(Control):
    """A typed number with its range; arrow keys step it. A whole number where the parameter is one."""

    def __init__(self, field: FieldDescription) -> None:
        super().__init__(field)
        self.edit = QLineEdit()
        self.edit.setObjectName(f"param_{field.name}")
        self.edit.setFixedWidth(WIDTH)
        self.edit.textChanged.connect(self._typed)
        self.edit.installEventFilter(self)
        parts = row(self.edit, label(field.unit or "", "soft"), None)
        self.setLayout(parts)

    def value(self) -> Any:
        text = self.edit.text().strip()
        if not text:
            return None
        return int(text) if self.field.kind == "int" else float(text)

    def set_value(self, value: Any) -> None:
        self.edit.setText(show_number(value))

    def problem(self) -> str:
        text = self.edit.text().strip()
        if not text:
            return "" if self.field.default is None else messages.WRONG_EMPTY
        try:
            value = self.value()
        except ValueError:
            form = messages.WRONG_WHOLE if self.field.kind == "int" else messages.WRONG_NUMBER
            return form.format(text=text)
        if value != value:
            return messages.WRONG_NUMBER.format(text=text)
        if self.field.minimum is not None and value < self.field.minimum:
            return messages.WRONG_LOW.format(minimum=show_number(self.field.minimum))
        if self.field.maximum is not None and value > self.field.maximum:
            return messages.WRONG_HIGH.format(maximum=show_number(self.field.maximum))
        return ""

    def eventFilter(self, watched: QWidget, event: object) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QKeyEvent.Type.KeyPress:
            step = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()))
            if step and not self.problem() and self.edit.text().strip():
                self._step(step)
                return True
        return False

    def _step(self, direction: int) -> None:
        value = self.value()
        if self.field.kind == "int":
            new: Any = value + direction
        else:
            new = float(f"{value * (1.1 if direction > 0 else 1 / 1.1):.4g}") if value else 0.1 * direction
        if self.field.minimum is not None:
            new = max(new, self.field.minimum)
        if self.field.maximum is not None:
            new = min(new, self.field.maximum)
        self.set_value(int(new) if self.field.kind == "int" else new)

    def _typed(self) -> None:
        set_role(self.edit, "true" if self.problem() else "false", "wrong")
        self.changed.emit()


class Switch(Control):
    """On or off."""

    def __init__(self, field: FieldDescription) -> None:
        super().__init__(field)
        self.box = QCheckBox()
        self.box.setObjectName(f"param_{field.name}")
        self.box.toggled.connect(lambda _on: self.changed.emit())
        self.setLayout(row(self.box, None))

    def value(self) -> bool:
        return self.box.isChecked()

    def set_value(self, value: Any) -> None:
        self.box.setChecked(bool(value))


class QuietCombo(QComboBox):
    """A combo box that does not change when one scrolls past it."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class Choice(Control):
    """One of a few named values, each with its sentence."""

    def __init__(self, field: FieldDescription) -> None:
        super().__init__(field)
        self.box = QuietCombo()
        self.box.setObjectName(f"param_{field.name}")
        self.box.setMinimumWidth(WIDTH)
        self.box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for index, (name, sentence) in enumerate((field.choices or {}).items()):
            self.box.addItem(name, name)
            self.box.setItemData(index, sentence, Qt.ItemDataRole.ToolTipRole)
        self._sentence = label("", "quiet", wrap=True)
        self.box.currentIndexChanged.connect(lambda _index: self._chosen())
        body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(UNIT // 2)
        body.addLayout(row(self.box, None))
        body.addWidget(self._sentence)
        self._chosen()

    def value(self) -> str:
        return str(self.box.currentData())

    def set_value(self, value: Any) -> None:
        self.box.setCurrentIndex(max(0, self.box.findData(str(value))))

    def same(self, value: Any) -> bool:
        """Choices are compared as text, whatever their type."""
        return self.value() == str(value)

    def sentence_of(self, value: str) -> str:
        """What is said under the box of the value it stands at."""
        return (self.field.choices or {}).get(value, "")

    def _chosen(self) -> None:
        self._sentence.setText(self.sentence_of(self.value()))
        self.changed.emit()


class TextEdit(Control):
    """Any text; empty is None where the parameter's default is."""

    def __init__(self, field: FieldDescription) -> None:
        super().__init__(field)
        self.edit = QLineEdit()
        self.edit.setObjectName(f"param_{field.name}")
        self.edit.setPlaceholderText(field.help)  # what a text is for, its name alone seldom says
        self.edit.textChanged.connect(lambda _text: self.changed.emit())
        self.setLayout(row(self.edit))

    def value(self) -> str | None:
        text = self.edit.text().strip()
        return None if not text and self.field.default is None else text

    def set_value(self, value: Any) -> None:
        self.edit.setText("" if value is None else str(value))


class PathEdit(TextEdit):
    """A file, typed or chosen."""

    def __init__(self, field: FieldDescription) -> None:
        super().__init__(field)
        choose = tool("mdi6.folder-open-outline", messages.CHOOSE_FILE, f"param_{field.name}_choose", self._choose)
        self.layout().addWidget(choose)

    def _choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, messages.CHOOSE_FILE, self.edit.text())
        if path:
            self.edit.setText(path)
