"""The keyboard list of the settings page: every command with its keys; a click on one waits for another."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QToolButton, QVBoxLayout, QWidget

from sagittal_app import messages, shortcuts
from sagittal_app.actions import ActionRegistry
from sagittal_app.settings import Settings
from sagittal_app.shortcuts import KeyRow
from sagittal_app.widgets.basics import UNIT, button, clear, column, label, row, set_role, tool


class KeyCap(QToolButton):
    """One key of a command. A click waits for the next key press and hands it to `take`; Backspace hands over ""."""

    def __init__(self, key: str, name: str, take: Callable[[str], object]) -> None:
        self.waiting = False  # before all else: `event` is asked as soon as there is a button
        super().__init__()
        self.setObjectName(name)
        self.key = key
        self._take = take
        self.clicked.connect(lambda _checked=False: self.wait())
        self._show()

    def wait(self) -> None:
        self.waiting = True
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._show()

    def _show(self) -> None:
        self.setText(messages.PRESS_A_KEY if self.waiting else shortcuts.spoken_key(self.key) or "+")
        self.setToolTip(messages.PRESS_A_KEY_ABOUT if self.key else messages.ANOTHER_KEY)
        role = "waiting" if self.waiting else "key" if self.key else "no_key"
        if self.property("role") is None:
            self.setProperty("role", role)  # the style sheet is asked once, when the page is shown
        else:
            set_role(self, role)

    def _end(self) -> None:
        self.waiting = False
        self._show()

    def event(self, event: QEvent) -> bool:
        """While it waits, every key is its own: no command runs, and Tab goes nowhere."""
        if self.waiting and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
            elif event.type() == QEvent.Type.KeyPress:
                self._pressed(event)
            return True
        return super().event(event)

    def _pressed(self, event: QKeyEvent) -> None:
        key = shortcuts.key_text(event)
        if not key:
            return
        self._end()
        if key != "Esc" and key != self.key:
            self._take("" if key == "Backspace" else key)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        if self.waiting:
            self._end()
        super().focusOutEvent(event)


class KeysEditor(QWidget):
    """Filled by `fill`, each time the page comes to the front; every change takes effect at once."""

    def __init__(self, registry: ActionRegistry, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("keys_editor")
        self._registry = registry
        self._settings = settings
        self._filter = QLineEdit()
        self._filter.setObjectName("keys_filter")
        self._filter.setPlaceholderText(messages.KEYS_FILTER)
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._show_matching)
        self._reset_all = button(messages.KEYS_RESET_ALL, "keys_reset_all", self._give_all_back)
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self._lines: dict[str, QWidget] = {}
        self._headings: dict[str, QWidget] = {}
        self._rows: list[KeyRow] = []
        top = row(self._filter, self._reset_all)
        top.setStretch(0, 1)
        self.setLayout(column(label(messages.KEYS_ABOUT, "soft", wrap=True), top, self._list))
        registry.keys_changed.connect(self._keys_anew)

    def fill(self) -> None:
        """Lists what the program can do now; pages may have brought more commands."""
        listed = shortcuts.rows(self._registry)
        if [one.id for one in listed] == [one.id for one in self._rows]:
            for old, new in zip(self._rows, listed, strict=True):
                if old != new:
                    self._renew(new)
        else:
            clear(self._list)
            self._lines, self._headings = {}, {}
            for group, members in groupby(listed, lambda one: one.group):
                self._headings[group] = label(group, "heading")
                self._headings[group].setContentsMargins(0, UNIT, 0, UNIT // 2)
                self._list.addWidget(self._headings[group])
                for member in members:
                    self._lines[member.id] = self._line(member)
                    self._list.addWidget(self._lines[member.id])
        self._rows = listed
        self._reset_all.setEnabled(any(one.changed for one in listed))
        self._show_matching(self._filter.text())

    def _renew(self, member: KeyRow) -> None:
        """Draws one line anew; the others, and the place in the list, stay."""
        old = self._lines[member.id]
        self._lines[member.id] = self._line(member)
        self._list.replaceWidget(old, self._lines[member.id])
        old.hide()
        old.deleteLater()

    def _line(self, member: KeyRow) -> QWidget:
        line = QWidget()
        line.setObjectName(f"keys_{member.id}")
        caps = [self._cap(member, key) for key in member.keys]
        caps.append(self._cap(member, ""))
        inner = row(label(member.title), None, *caps, spacing=4)
        if member.changed:
            own = " ".join(map(shortcuts.spoken_key, member.own)) or messages.NO_KEY
            inner.addWidget(
                tool(
                    "mdi6.restore",
                    messages.KEY_RESET.format(own=own),
                    f"keys_reset_{member.id}",
                    lambda: self._settings.give_keys({member.id: None}),
                )
            )
        outer = column(inner, spacing=0)
        outer.setContentsMargins(0, 1, 0, 1)
        line.setLayout(outer)
        return line

    def _cap(self, member: KeyRow, key: str) -> KeyCap:
        return KeyCap(key, f"key_{member.id}_{key or 'new'}", lambda taken: self._take(member, key, taken))

    def _take(self, member: KeyRow, old: str, key: str) -> None:
        """The user pressed `key` where `old` stood."""
        if not key:
            self._settings.give_keys(shortcuts.given(member, "", old, ()) if old else {})
            return
        sentence = shortcuts.refusal(key, member)
        holders = shortcuts.holders(key, member, self._rows)
        if sentence:
            self._say(member, sentence)
        elif holders:
            named = messages.listed([f"“{other.title}”" for other in holders])
            sentence = messages.KEY_TAKEN.format(key=shortcuts.spoken_key(key), holders=named)
            take = lambda: self._settings.give_keys(shortcuts.given(member, key, old, holders))  # noqa: E731
            self._say(member, sentence, button(messages.KEY_TAKE.format(title=member.title), "key_take", take))
        else:
            self._settings.give_keys(shortcuts.given(member, key, old, ()))

    def _say(self, member: KeyRow, sentence: str, act: QWidget | None = None) -> None:
        """Says under the command's line why it cannot have the key, and what can be done."""
        self._hush()
        frame = QFrame()
        frame.setObjectName("banner")
        frame.setProperty("level", "warning")
        said = label(sentence, wrap=True)
        said.setObjectName("key_conflict")
        inner = row(said, *([act] if act is not None else []), button(messages.KEY_LEAVE, "key_leave", self._hush))
        inner.setStretch(0, 1)
        inner.setContentsMargins(2 * UNIT, UNIT // 2, UNIT // 2, UNIT // 2)
        frame.setLayout(inner)
        self._lines[member.id].layout().addWidget(frame)

    def _hush(self) -> None:
        for line in self._lines.values():
            for frame in line.findChildren(QFrame, "banner", Qt.FindChildOption.FindDirectChildrenOnly):
                frame.setParent(None)
                frame.deleteLater()

    def _give_all_back(self) -> None:
        self._settings.give_keys({one.id: None for one in self._rows})

    def _keys_anew(self) -> None:
        if self._rows:
            self.fill()

    def _show_matching(self, text: str) -> None:
        """Shows the commands whose title or keys hold what is typed."""
        wanted, groups = text.casefold().strip(), set()
        for one in self._rows:
            keys = [shortcuts.spoken_key(key).casefold() for key in one.keys]
            fits = not wanted or wanted in one.title.casefold() or wanted in keys
            if self._lines[one.id].isHidden() is fits:  # showing what is shown costs its style once more
                self._lines[one.id].setVisible(fits)
            groups |= {one.group} if fits else set()
        for group, heading in self._headings.items():
            heading.setVisible(group in groups)
