"""The row over the views: what the chosen tool can be set to, commands on the active label, and what goes on."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFrame, QMenu, QProgressBar, QToolButton, QWidget

from sagittal_app.actions import tip
from sagittal_app.canvas import keys, tool_words
from sagittal_app.canvas.document import OVERWRITE_ALL, OVERWRITE_NONE, OVERWRITE_VISIBLE
from sagittal_app.canvas.editing import Editing
from sagittal_app.canvas.state import SMALLEST_BRUSH, CanvasState
from sagittal_app.canvas.tools import TOOLS
from sagittal_app.canvas.tools.measuring import Measuring
from sagittal_app.shortcuts import spoken_key
from sagittal_app.widgets.basics import UNIT, Elided, button, label, row, tool

ROUND = ("brush", "eraser", "threshold")
"""Tools with a diameter."""
MEASURING = tuple(tool.id for tool in TOOLS if issubclass(tool, Measuring))
"""Tools that leave the labels as they are: nothing of painting concerns them."""
BETWEEN = ("copy_on", "copy_back", "interpolate")
"""Commands from slice to slice."""
COMMANDS = (*BETWEEN, "smooth_label", "largest", "holes", "combine")
SMOOTHINGS = (0.5, 1.0, 2.0, 3.0, 5.0)
"""To choose from, in the scan's unit of length."""
OVERWRITE = {
    OVERWRITE_ALL: tool_words.OVER_ALL,
    OVERWRITE_VISIBLE: tool_words.OVER_VISIBLE,
    OVERWRITE_NONE: tool_words.OVER_NONE,
}
SLOW = 0.4
"""A task is shown from this age on, in seconds."""
LONG = 5.0
"""From this age on, the time that it will still take."""


class ToolOptions(QFrame):
    """Follows the state; `act` does a command of the canvas, `key_of` gives the key that it has now."""

    def __init__(self, state: CanvasState, act: Callable[[str], object], key_of: Callable[[str], str]) -> None:
        super().__init__()
        self.setObjectName("tool_options")
        self.setProperty("role", "panel")
        self.state = state
        self._act = act
        self._key_of = key_of
        self._diameter = self._number("option_diameter", "", SMALLEST_BRUSH, state.largest_brush, state.set_brush)
        self._diameter.setToolTip(tool_words.DIAMETER)
        self._in_3d = tool("mdi6.cube-outline", "", "option_in_3d", lambda: self._run("in_3d"), checkable=True)
        self._in_3d.setText("3D")
        self._in_3d.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._low = self._number("option_low", "", -1e9, 1e9, lambda value: self._set_range(0, value))
        self._high = self._number("option_high", "", -1e9, 1e9, lambda value: self._set_range(1, value))
        self._as_window = tool(
            "mdi6.contrast-circle", tool_words.AS_WINDOW, "option_as_window", self._toggle_window, checkable=True
        )
        self._range = self._group(
            label(tool_words.RANGE, "quiet"), self._low, label("–", "quiet"), self._high, self._as_window
        )
        self._tolerance = self._number(
            "option_tolerance", " %", 0.1, 100, lambda value: state.set_options(tolerance=value)
        )
        self._tolerance.setToolTip(tool_words.TOLERANCE_HELP)
        self._reach = self._number("option_reach", "", 1, 500, lambda value: state.set_options(reach=value))
        self._reach.setToolTip(tool_words.REACH_HELP)
        self._growth = self._group(
            label(tool_words.LIKE, "quiet"), self._tolerance, label(tool_words.REACH, "quiet"), self._reach
        )
        self._overwrite = QComboBox()
        self._overwrite.setObjectName("option_overwrite")
        self._overwrite.setToolTip(tool_words.OVERWRITE_HELP)
        for value, title in OVERWRITE.items():
            self._overwrite.addItem(title, value)
        self._overwrite.activated.connect(lambda _index: state.set_options(overwrite=self._overwrite.currentData()))
        self._edit = QToolButton()
        self._edit.setObjectName("label_commands")
        self._edit.setText(f"{tool_words.EDIT_LABEL} ▾")
        self._edit.setToolTip(tool_words.EDIT_LABEL_HELP)
        menu = QMenu(self._edit)
        menu.aboutToShow.connect(lambda: self._fill(menu))
        self._edit.setMenu(menu)
        self._edit.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        for made in (self._in_3d, self._as_window, self._overwrite, self._edit):
            made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._said = Elided("", "quiet")
        self._said.setObjectName("tool_said")
        self._bar = QProgressBar()
        self._bar.setObjectName("task_progress")
        self._bar.setFixedWidth(120)
        self._bar.setTextVisible(False)
        self._cancel = button("Cancel", "task_cancel", lambda: None)
        for widget in (self._bar, self._cancel):
            widget.hide()
        body = row(
            self._in_3d, self._diameter, self._range, self._growth, self._overwrite, self._edit,
            self._said, self._bar, self._cancel,
        )  # fmt: skip
        body.setStretch(6, 1)
        # As high for a tool without options: the views below must not move when the tool changes.
        body.addStrut(self._diameter.sizeHint().height())
        body.setContentsMargins(UNIT, 4, UNIT, 4)
        self.setLayout(body)
        self.name_keys()
        for signal in (state.tool_changed, state.brush_changed, state.options_changed, state.window_changed):
            signal.connect(lambda *_: self._follow())
        state.document_changed.connect(self._follow)
        state.document_changed.connect(lambda: self.say(""))  # it was said of the labels before
        self._follow()

    def watch(self, editing: Editing) -> None:
        """Shows the task that `editing` computes, with a way to cancel it."""
        self._cancel.clicked.connect(lambda _checked=False: editing.cancel())
        editing.began.connect(lambda title: self.say(f"{title}…"))
        editing.progressed.connect(self._progress)
        editing.ended.connect(lambda: [widget.hide() for widget in (self._bar, self._cancel)])

    def say(self, sentence: str) -> None:
        """Shows one sentence at the end of the row."""
        self._said.say(sentence)

    def name_keys(self) -> None:
        """Writes the keys in force into the tooltips."""
        self._in_3d.setToolTip(tip(keys.BY_ID["in_3d"].title, self._key_of("in_3d")))

    # Controls ------------------------------------------------------------------------------------------------------

    def _number(
        self, name: str, unit: str, low: float, high: float, changed: Callable[[float], object]
    ) -> QDoubleSpinBox:
        made = QDoubleSpinBox()
        made.setObjectName(name)
        made.setRange(low, high)
        made.setDecimals(1)
        made.setSuffix(unit)
        made.setKeyboardTracking(False)
        made.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        made.lineEdit().setTextMargins(8, 0, 4, 0)
        made.setFixedWidth(88)
        made.valueChanged.connect(changed)
        # Return gives the keys back to the views.
        made.editingFinished.connect(made.clearFocus)
        return made

    @staticmethod
    def _group(*parts: QWidget) -> QWidget:
        made = QWidget()
        made.setLayout(row(*parts, spacing=4))
        return made

    def _run(self, id: str) -> None:
        self._act(id)
        self._follow()

    def _set_range(self, end: int, value: float) -> None:
        low, high = self.state.paint_range
        low, high = (value, high) if end == 0 else (low, value)
        self.state.set_options(range=(min(low, high), max(low, high)))

    def _toggle_window(self) -> None:
        self.state.set_options(range=None if self._as_window.isChecked() else self.state.paint_range)

    def _fill(self, menu: QMenu) -> None:
        """The commands on the active label, which is named."""
        menu.clear()
        document = self.state.document
        name = document.name_of(document.active) if document else ""
        where = tool_words.IN_SCAN if self.state.options.in_3d else tool_words.ON_SLICE
        title = menu.addAction(f"{name}, {where}")
        title.setEnabled(False)
        menu.addSeparator()
        for id in COMMANDS:
            action = QAction(f"{keys.BY_ID[id].title}\t{spoken_key(self._key_of(id))}", menu)
            action.setObjectName(f"edit_{id}")
            action.setEnabled(self.state.only_plane is None or id not in BETWEEN)
            action.triggered.connect(lambda _checked=False, id=id: self._run(id))
            menu.addAction(action)
            if id == "smooth_label":
                menu.addMenu(self._smoothings(menu))

    def _smoothings(self, menu: QMenu) -> QMenu:
        chosen, unit = self.state.options.smoothing, self.state.length_unit
        made = QMenu(tool_words.SMOOTHING.format(length=chosen, unit=unit), menu)
        group = QActionGroup(made)
        for length in SMOOTHINGS:
            action = QAction(f"{length:g} {unit}", made, checkable=True)
            action.setChecked(length == chosen)
            action.triggered.connect(lambda _checked=False, length=length: self.state.set_options(smoothing=length))
            group.addAction(action)
            made.addAction(action)
        return made

    # Following -----------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        state, options = self.state, self.state.options
        writable = state.document is not None and state.document.writable
        self._diameter.setVisible(state.tool in ROUND)
        self._range.setVisible(state.tool == "threshold")
        self._growth.setVisible(state.tool == "grow")
        for widget in (self._in_3d, self._overwrite, self._edit):
            widget.setVisible(state.tool not in MEASURING)
            widget.setEnabled(writable)
        # On a single picture a ball is a disc, and its slice is the whole scan.
        self._in_3d.setVisible(state.tool not in MEASURING and state.only_plane is None)
        self._diameter.setMaximum(state.largest_brush)
        low, high = state.paint_range
        for box, value in (
            (self._diameter, state.brush_diameter), (self._low, low), (self._high, high),
            (self._tolerance, options.tolerance), (self._reach, options.reach),
        ):  # fmt: skip
            if not box.hasFocus():
                box.blockSignals(True)
                box.setValue(value)
                box.blockSignals(False)
        for box in (self._diameter, self._reach):
            box.setSuffix(f" {state.length_unit}")
        unit = f" {state.scan.unit}" if state.scan and state.scan.unit else ""
        for box in (self._low, self._high):
            box.setSuffix(unit)
        self._as_window.setChecked(options.range is None)
        self._in_3d.setChecked(options.in_3d)
        self._overwrite.setCurrentIndex(self._overwrite.findData(options.overwrite))

    def _progress(self, share: float, seconds: float) -> None:
        shown = seconds > SLOW
        self._bar.setVisible(shown)
        self._cancel.setVisible(shown)
        self._bar.setRange(0, 100 if share > 0 else 0)
        self._bar.setValue(round(100 * share))
        if seconds > LONG and share > 0:
            self._bar.setToolTip(tool_words.LEFT.format(seconds=round(seconds * (1 - share) / share)))
            self._said.say(self._bar.toolTip())
