"""The vertical strip beside the picture: tools, undo, ways of showing. Every button names its key."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QMenu, QSlider, QToolButton, QWidget, QWidgetAction

from sagittal_app.actions import tip
from sagittal_app.canvas import keys, words
from sagittal_app.canvas.state import CanvasState
from sagittal_app.canvas.windowing import Window, window_words
from sagittal_app.shortcuts import spoken_key
from sagittal_app.widgets.basics import UNIT, column, label, line, row, tool


def own_key(id: str) -> str:
    """The shown key of a command of the canvas, as long as the user gives it no other; "" for what is none."""
    return keys.BY_ID[id].shown_key if id in keys.BY_ID else ""


class ToolStrip(QFrame):
    """Buttons for `act(id)`; they follow the state."""

    def __init__(
        self, state: CanvasState, act: Callable[[str], object], key_of: Callable[[str], str] = own_key
    ) -> None:
        """`key_of` gives the key that a command of `keys.ACTIONS` has now."""
        super().__init__()
        self._key_of = key_of
        self.setObjectName("tool_strip")
        self.setProperty("role", "panel")
        self.state = state
        self._act = act
        self.tools = {id: self._button(id, checkable=True) for id in keys.TOOL_IDS}
        self._labels = self._button("labels", checkable=True)
        self._outline = self._button("outline", checkable=True)
        self.setLayout(
            column(
                *self.tools.values(),
                line(),
                self._button("undo"),
                self._button("redo"),
                line(),
                self._labels,
                self._outline,
                line(),
                self._menu_button(
                    "mdi6.contrast-circle", "Window and level presets (Alt+1 … Alt+5)", "window_menu", self._windows
                ),
                self._menu_button(
                    "mdi6.eye-settings-outline", "How the planes are shown", "display_menu", self._display
                ),
                self._button("reset"),
                None,
                spacing=UNIT // 2,
            )
        )
        self.layout().setContentsMargins(6, UNIT, 6, UNIT)
        self.setFixedWidth(44)
        for signal in (state.tool_changed, state.look_changed, state.document_changed):
            signal.connect(lambda *_: self._follow())
        self._follow()

    def _button(self, id: str, checkable: bool = False) -> QToolButton:
        action = keys.BY_ID[id]
        made = tool(action.icon, action.title, f"tool_{id}", lambda: self._run(id), checkable=checkable)
        made.setToolTip(tip(action.title, self._key_of(id)))
        made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return made

    def name_keys(self) -> None:
        """The tooltips name the keys as they are now."""
        for made in self.findChildren(QToolButton):
            action = keys.BY_ID.get(made.objectName().removeprefix("tool_"))
            if action is not None:
                made.setToolTip(tip(action.title, self._key_of(action.id)))

    def _run(self, id: str) -> None:
        self._act(id)
        self._follow()

    def _menu_button(self, icon: str, title: str, name: str, fill: Callable[[QMenu], None]) -> QToolButton:
        made = tool(icon, title, name, lambda: None)
        menu = QMenu(made)
        menu.aboutToShow.connect(lambda: fill(menu))
        made.setMenu(menu)
        made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return made

    def _windows(self, menu: QMenu) -> None:
        """The scan's own window, all that its header offers, and the presets; a tick beside the one shown."""
        menu.clear()
        state = self.state
        menu.addAction(self._menu_action(menu, "reset_window", "The scan's own"))
        for number, (name, window) in enumerate(state.header_windows(), start=1):
            title = f"{name or f'Header, window {number}'}   {window_words(window)}"
            self._window_action(menu, f"menu_header_{number}", title, window)
        menu.addSeparator()
        for number, preset in enumerate(state.presets(), start=1):
            key = self._key_of(f"preset_{number}")
            title = f"{preset.name}\t{spoken_key(key)}" if key else preset.name
            self._window_action(menu, f"menu_preset_{number}", title, state.window_of(preset))
        menu.addSeparator()
        menu.addAction(self._menu_action(menu, "edit_presets", keys.BY_ID["edit_presets"].title))

    def _window_action(self, menu: QMenu, name: str, title: str, window: Window) -> None:
        action = menu.addAction(title)
        action.setObjectName(name)
        action.setCheckable(True)
        action.setChecked(window == self.state.window)
        action.triggered.connect(lambda _checked=False: self.state.set_window(window))

    def _display(self, menu: QMenu) -> None:
        """What is shown and how, with a tick where it is so; the labels' opacity on top."""
        menu.clear()
        state = self.state
        menu.addAction(self._opacity(menu))
        menu.addSeparator()
        for id, title in words.DISPLAY.items():
            action = self._menu_action(menu, id, title)
            action.setCheckable(True)
            action.setChecked(state.resampled if id == "own_axes" else getattr(state.look, id))
            action.setEnabled(id != "own_axes" or state.resampled or state.oblique)
            menu.addAction(action)
        menu.addSeparator()
        menu.addAction(self._menu_action(menu, "centre", keys.BY_ID["centre"].title))

    def _opacity(self, menu: QMenu) -> QAction:
        """A slider with its figure, in hundredths."""
        figure = label("", "soft")
        figure.setMinimumWidth(5 * UNIT)
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setObjectName("label_opacity")
        slider.setRange(0, 100)
        slider.setToolTip(tip(words.OPACITY, " ".join(self._key_of(id) for id in ("fainter", "stronger"))))
        show = lambda value: figure.setText(f"{value} %")  # noqa: E731
        slider.valueChanged.connect(show)
        slider.setValue(round(100 * self.state.look.opacity))
        show(slider.value())
        slider.valueChanged.connect(lambda value: self.state.set_look(opacity=value / 100))
        body = row(label(words.OPACITY), slider, figure)
        body.setContentsMargins(12, 4, 12, 4)
        holder = QWidget()
        holder.setLayout(body)
        action = QWidgetAction(menu)
        action.setDefaultWidget(holder)
        return action

    def _menu_action(self, menu: QMenu, id: str, title: str) -> QAction:
        key = self._key_of(id)
        action = QAction(f"{title}\t{spoken_key(key)}" if key else title, menu)
        action.setObjectName(f"menu_{id}")
        action.triggered.connect(lambda _checked=False: self._run(id))
        return action

    def _follow(self) -> None:
        """Shows what is chosen."""
        document = self.state.document
        for id, made in self.tools.items():
            made.setChecked(self.state.tool == id)
            made.setEnabled(id in keys.READING or (document is not None and document.writable))
        self._labels.setChecked(self.state.look.labels)
        self._outline.setChecked(self.state.look.outline)
