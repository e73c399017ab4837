"""The bar at the bottom: device and memory, what is going on or is under the mouse, the mouse preset."""

from __future__ import annotations

import time

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QFrame, QMenu, QProgressBar, QToolButton, QVBoxLayout, QWidget

from sagittal.engine_port import RunPort
from sagittal.events import State
from sagittal_app import messages, settings, theme
from sagittal_app.models.tasks import Task, Tasks
from sagittal_app.settings import Settings
from sagittal_app.widgets.basics import UNIT, Elided, clear, label, line, row, set_role, tool

HEIGHT = 36


class TaskLine(QWidget):
    """One task: its words, its bar, its time left, and the buttons that end it."""

    def __init__(self, port: RunPort, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._port = port
        self._task: Task | None = None
        self.words = Elided()
        self.words.setObjectName(f"{name}_words")
        self.words.setMinimumWidth(200)
        self.bar = QProgressBar()
        self.bar.setObjectName(f"{name}_bar")
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(160)
        self.left = label("", "soft")
        self.left.setFont(theme.tabular(self.left.font()))
        self.pause = tool("mdi6.pause", messages.PAUSE, f"{name}_pause", self._pause)
        self.stop = tool("mdi6.stop", messages.STOP_ABOUT, f"{name}_stop", self._stop)
        body = row(self.words, self.bar, self.left, self.pause, self.stop)
        body.setStretch(0, 1)
        self.setLayout(body)

    def show_task(self, task: Task) -> None:
        self._task = task
        self.words.say(task.line())
        busy = task.total <= 0 and task.state is not State.QUEUED
        self.bar.setRange(0, 0 if busy else max(task.total, 1))
        if not busy:
            self.bar.setValue(min(task.done, task.total))
        self.left.setText(task.left(time.monotonic()))
        self.pause.setVisible(task.is_run and task.state is not State.QUEUED)
        paused = task.state is State.PAUSED
        theme.set_icon(self.pause, "mdi6.play" if paused else "mdi6.pause")
        self.pause.setToolTip(messages.CONTINUE if paused else messages.PAUSE)
        theme.set_icon(self.stop, "mdi6.stop" if task.is_run else "mdi6.close")
        self.stop.setToolTip(messages.STOP_ABOUT if task.is_run else messages.CANCEL)

    def _pause(self) -> None:
        if self._task is None:
            return
        if self._task.state is State.PAUSED:
            self._port.request_continue(self._task.source)
        else:
            self._port.request_pause(self._task.source)

    def _stop(self) -> None:
        if self._task is None:
            return
        if self._task.is_run:
            self._port.request_stop(self._task.source)
        else:
            self._port.request_cancel(self._task.source)


class TaskList(QFrame):
    """The popover that lists everything that is going on."""

    def __init__(self, parent: QWidget, port: RunPort) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("task_list")
        self.setProperty("role", "panel")
        self.setFixedWidth(600)
        self._port = port
        self._lines: list[TaskLine] = []
        self._body = QVBoxLayout(self)
        self._body.setContentsMargins(2 * UNIT, UNIT, 2 * UNIT, UNIT)
        self._body.setSpacing(UNIT)

    def show_tasks(self, tasks: list[Task]) -> None:
        if len(self._lines) != len(tasks):
            clear(self._body)
            self._lines = [TaskLine(self._port, f"task_{i}") for i, _ in enumerate(tasks)]
            for made in self._lines:
                self._body.addWidget(made)
            self.adjustSize()
        for made, task in zip(self._lines, tasks, strict=True):
            made.show_task(task)


class StatusBar(QFrame):
    """See the module's docstring."""

    def __init__(self, port: RunPort, store: Settings) -> None:
        super().__init__()
        self.setObjectName("status_bar")
        self.setFixedHeight(HEIGHT)
        self._settings = store
        self.device = label("", "soft")
        self.device.setObjectName("device_line")
        self.sign = label("", "soft")
        self.sign.setObjectName("warm_up_sign")
        self.sign.hide()
        self.task = TaskLine(port, "current_task")
        self.task.hide()
        self.more = QToolButton()
        self.more.setObjectName("more_tasks")
        self.more.clicked.connect(self._show_list)
        self.more.hide()
        self.list = TaskList(self, port)
        self.mouse = QToolButton()
        self.mouse.setObjectName("mouse_preset")
        self.mouse.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.mouse.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.mouse.setToolTip("What the mouse does in image views")
        theme.set_icon(self.mouse, "mdi6.mouse", "quiet", 16)
        self.mouse.setMenu(self._mouse_menu())
        self.probe = Elided("", "soft")
        self.probe.setObjectName("data_probe")
        self.probe.setFont(theme.tabular(self.probe.font()))
        parts = (self.device, line(True), self.sign, self.task, self.more, self.probe, line(True), self.mouse)
        body = row(*parts, spacing=2 * UNIT)
        body.setContentsMargins(2 * UNIT, 4, UNIT, 4)
        body.setStretch(body.indexOf(self.task), 1)
        body.setStretch(body.indexOf(self.probe), 1)
        self.setLayout(body)
        self._show_mouse()
        store.changed.connect(lambda key: self._show_mouse() if key == "mouse_preset" else None)
        # A task list that is being clicked in must not be rebuilt under the pointer more often than one can read.
        self._tasks: Tasks | None = None
        self._pending = QTimer(self)
        self._pending.setSingleShot(True)
        self._pending.setInterval(100)
        self._pending.timeout.connect(self._redraw)

    def show_tasks(self, tasks: Tasks) -> None:
        """Shows what is going on, at most ten times a second."""
        self._tasks = tasks
        if not self._pending.isActive():
            self._pending.start()

    def say_probe(self, text: str) -> None:
        """What is under the mouse in an image view, where no task needs the place."""
        self.probe.say(text)

    def say_warming(self, text: str) -> None:
        """The visible sign that something heavy is being loaded; empty hides it."""
        self.sign.setText(text)
        self.sign.setVisible(bool(text))

    def _redraw(self) -> None:
        tasks = self._tasks
        foremost = tasks.foremost() if tasks else None
        self.task.setVisible(foremost is not None)
        self.probe.setVisible(foremost is None)
        going = list(tasks.going.values()) if tasks else []
        self.more.setVisible(len(going) > 1)
        self.more.setText(f"+{len(going) - 1}")
        self.more.setToolTip(messages.count(len(going), "task") + " going on")
        if foremost is not None:
            self.task.show_task(foremost)
        if self.list.isVisible():
            if going:
                self.list.show_tasks(going)
            else:
                self.list.hide()

    def _show_list(self) -> None:
        if self._tasks is None:
            return
        self.list.show_tasks(list(self._tasks.going.values()))
        self.list.adjustSize()
        corner = self.more.mapToGlobal(QPoint(self.more.width(), 0))
        self.list.move(corner.x() - self.list.width(), corner.y() - self.list.height() - UNIT)
        self.list.show()

    def _mouse_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName("mouse_menu")
        menu.setToolTipsVisible(True)
        group = QActionGroup(menu)
        for preset, sentence in settings.MOUSE_PRESETS.items():
            action = menu.addAction(sentence)
            action.setObjectName(f"mouse_{preset}")
            action.setCheckable(True)
            action.setData(preset)
            action.triggered.connect(lambda _checked=False, preset=preset: self._settings.choose_mouse_preset(preset))
            group.addAction(action)
        return menu

    def _show_mouse(self) -> None:
        preset = self._settings.mouse_preset
        self.mouse.setText(messages.MOUSE_LABEL.format(name=settings.MOUSE_NAMES[preset]))
        for action in self.mouse.menu().actions():
            action.setChecked(action.data() == preset)

    def say_device(self, text: str, level: str = "soft") -> None:
        self.device.setText(text)
        set_role(self.device, level)
