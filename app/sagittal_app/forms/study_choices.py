"""Controls whose values are those of the open study: one of its meta labels, several, or a value; one of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QFileDialog, QMenu, QSizePolicy, QToolButton

from sagittal.params import FieldDescription, names_in
from sagittal_app import messages
from sagittal_app.forms.controls import Choice, Control, QuietCombo
from sagittal_app.widgets.basics import UNIT, column, label, row, tool
from sagittal_app.widgets.ticks import Ticks


class StudyTicks(Control):
    """Several names, as ticks; the value is a text with commas between them."""

    def __init__(self, field: FieldDescription) -> None:
        super().__init__(field)
        self._offers: Mapping[str, str] = {}
        self.ticks = Ticks(f"param_{field.name}")
        self.ticks.changed.connect(self._say)
        self._sentence = label("", "quiet", wrap=True)
        body = column(self.ticks, self._sentence, spacing=UNIT // 2)
        body.setContentsMargins(0, 6, 0, 0)
        self.setLayout(body)

    def offer(self, names: Mapping[str, str]) -> None:
        if names != self._offers:
            self._offers = names
            self.set_value(self.value())

    def value(self) -> str:
        return ", ".join(self.ticks.ticked())

    def set_value(self, value: Any) -> None:
        """Names that the study has not (of a recipe, or a past run) are shown too; `problem` says so."""
        wanted = names_in(str(value or ""))
        strange = {name: messages.META_NOT_HERE.format(name=name) for name in wanted if name not in self._offers}
        names = {**self._offers, **strange}
        self.ticks.show_names(names, wanted, {name: messages.words(name) for name in names})
        self._say()

    def same(self, value: Any) -> bool:
        return set(self.ticks.ticked()) == set(names_in(str(value or "")))

    def problem(self) -> str:
        strange = [name for name in self.ticks.ticked() if name not in self._offers]
        return messages.META_NOT_HERE.format(name=strange[0]) if strange else ""

    def _say(self) -> None:
        told = [
            f"{messages.heading(name)}: {self._offers[name]}" for name in self.ticks.ticked() if name in self._offers
        ]
        self._sentence.setText("\n".join(told))
        self._sentence.setVisible(bool(told))
        self.changed.emit()


class StudyChoice(Choice):
    """One name, or none."""

    _offers: Mapping[str, str] = {}

    def __init__(self, field: FieldDescription) -> None:
        super().__init__(field)
        self.offer({})

    def offer(self, names: Mapping[str, str]) -> None:
        kept = self.value() if self._offers else ""
        self._offers = {"": "", **names}
        self.box.blockSignals(True)
        self.box.clear()
        for index, (name, sentence) in enumerate(self._offers.items()):
            self.box.addItem(self.shown(name) or messages.META_NO_CHOICE, name)
            self.box.setItemData(index, sentence, Qt.ItemDataRole.ToolTipRole)
        self.box.blockSignals(False)
        self.set_value(kept)

    def set_value(self, value: Any) -> None:
        name = str(value or "")
        if self.box.findData(name) < 0:  # of a recipe or a past run; `problem` says that the study has it not
            self.box.addItem(self.shown(name), name)
        super().set_value(name)

    def shown(self, name: str) -> str:
        """What stands in the list for a value."""
        return messages.words(name)

    def problem(self) -> str:
        """The method's own name for it is nobody's mistake where the study has no such: then it does nothing."""
        if self.value() in self._offers or self.value() == self.field.default:
            return ""
        return messages.META_NOT_HERE.format(name=self.value())

    def sentence_of(self, value: str) -> str:
        return self._offers.get(value, messages.META_ABSENT.format(name=value)) if value else ""


class ValueChoice(StudyChoice):
    """One value of a meta label that another parameter names, or none; the study check says whether it fits."""

    def offer(self, names: Mapping[str, str]) -> None:
        if {"": "", **names} != self._offers:
            super().offer(names)

    def shown(self, name: str) -> str:
        return name

    def problem(self) -> str:
        return ""

    def sentence_of(self, value: str) -> str:
        return self._offers.get(value, "")


class RunChoice(Control):
    """One of the study's runs, or none; another encoder's folder or file is typed or chosen on the disk."""

    def __init__(self, field: FieldDescription) -> None:
        super().__init__(field)
        self._offers: Mapping[str, str] = {}
        self.box = QuietCombo()
        self.box.setObjectName(f"param_{field.name}")
        self.box.setEditable(True)
        self.box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.box.setMinimumContentsLength(16)
        self.box.lineEdit().setPlaceholderText(messages.RUN_NO_CHOICE)
        self.box.editTextChanged.connect(lambda _text: self.changed.emit())
        name = f"{self.box.objectName()}_choose"
        choose = tool("mdi6.folder-open-outline", messages.CHOOSE_ENCODER, name, lambda: None)
        choose.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(choose)
        for title, ask in ((messages.ENCODER_FOLDER, self._ask_folder), (messages.ENCODER_FILE, self._ask_file)):
            action = QAction(title, self.menu)
            action.triggered.connect(ask)
            self.menu.addAction(action)
        choose.setMenu(self.menu)
        line = row(self.box, choose)
        line.setStretch(0, 1)
        self.setLayout(line)
        self.offer({})

    def offer(self, names: Mapping[str, str]) -> None:
        kept = self.value()
        self._offers = names
        self.box.blockSignals(True)
        self.box.clear()
        self.box.addItem("", "")
        for name, sentence in names.items():
            self.box.addItem(sentence, name)
            self.box.setItemData(self.box.count() - 1, sentence, Qt.ItemDataRole.ToolTipRole)
        self.box.blockSignals(False)
        self.set_value(kept)

    def value(self) -> str:
        """The id of the run whose line stands in the box, else what was typed."""
        text = self.box.currentText().strip()
        return next((name for name, sentence in self._offers.items() if sentence == text), text)

    def set_value(self, value: Any) -> None:
        name = str(value or "")
        self.box.setCurrentIndex(self.box.findData(name))
        self.box.setEditText(self._offers.get(name, name))
        self.box.lineEdit().setCursorPosition(0)

    def _ask_folder(self) -> None:
        self._take(QFileDialog.getExistingDirectory(self, messages.ENCODER_FOLDER_TITLE))

    def _ask_file(self) -> None:
        self._take(QFileDialog.getOpenFileName(self, messages.ENCODER_FILE_TITLE, "", messages.ENCODER_FILTER)[0])

    def _take(self, path: str) -> None:
        if path:
            self.set_value(path)
