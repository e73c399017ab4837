"""The board of one run: its state, its loss large, the method's own panels small, pictures and log at the right.

A live and a past run are shown by the same board, through the same model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QPlainTextEdit, QProgressBar, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from sagittal.events import Reason, State
from sagittal.facts import colour_of
from sagittal.method import MethodCard
from sagittal.panels import Images, Lines
from sagittal.panels import Panel as PanelData
from sagittal.probe import ProbeCard, read_probe
from sagittal_app import messages, theme
from sagittal_app.charts.factory import Refresh, called, curves_of, legend_names, make_panel, names_of
from sagittal_app.charts.plot import LinesPanel
from sagittal_app.desk import Desk
from sagittal_app.models.run_model import RunModel, losses
from sagittal_app.native import own_window
from sagittal_app.widgets.basics import UNIT, Elided, Panel, button, column, label, row, scrolled

REFRESH_MS = 200
"""Charts are redrawn at most this often."""
BETWEEN_MS = 20
"""Pause between two panels of one redraw, in which the window answers."""
ACROSS = 3
"""Small panels in a row."""
WIDE = 720
"""Pixels there must be for three small panels in a row; else there are two."""
SMALL_HEIGHT = 208
TOP, TOP_WITH_PARTS = 200, 256
"""Least height of the losses, in pixels: that of one with a legend of many names is larger."""
SUM = "loss"
"""Series of what is minimised, where that is a sum."""
MANY = 3
"""Parts from which on the sum has a chart of its own: beside it they would lie flat on the floor."""


class Facts(Panel):
    """One line of numbers: state, step, rate, time left, memory; and the buttons that steer the run."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(name="board_facts", margin=12)
        self._desk = desk
        self._model: RunModel | None = None
        self.title = label("", "heading")
        self.title.setObjectName("board_title")
        self.words = Elided("", "soft")
        self.words.setObjectName("board_words")
        self.words.setFont(theme.tabular(self.words.font()))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setObjectName("board_progress")
        self.bar.setFixedWidth(160)
        self.pause = button(messages.PAUSE, "board_pause", self._pause, icon="mdi6.pause")
        self.stop = button(messages.STOP, "board_stop", self._stop, icon="mdi6.stop", help=messages.STOP_ABOUT)
        self.resume = button(messages.RESUME, "board_resume", self._resume, icon="mdi6.play")
        self.measuring = button("", "board_measuring", self._measure, icon="mdi6.gauge", help=messages.MEASURING_ABOUT)
        line = row(self.title, self.words, self.bar, self.measuring, self.pause, self.stop, self.resume)
        line.setStretch(1, 1)
        self.body.addLayout(line)
        self.error = label("", "danger", wrap=True, selectable=True)
        self.error.setObjectName("board_error")
        self.error.hide()
        self.body.addWidget(self.error)

    def show_model(self, model: RunModel) -> None:
        self._model = model
        self.title.setText(model.title)
        self.words.say(" · ".join(facts_of(model)))
        going = not model.over
        preparing = model.state is State.PREPARING
        total, done = (model.total, model.done) if preparing else (model.steps, model.step)
        self.bar.setVisible(going and model.state is not State.QUEUED)
        self.bar.setRange(0, total)
        self.bar.setValue(min(done, total))
        paused = model.state is State.PAUSED
        by_task = model.record is not None and bool(model.record.state.task)  # as an adaptation, which only stops
        self.pause.setVisible(model.state in (State.RUNNING, State.PAUSED) and not by_task)
        self.pause.setText(messages.CONTINUE if paused else messages.PAUSE)
        theme.set_icon(self.pause, "mdi6.play" if paused else "mdi6.pause")
        self.measuring.setVisible(model.state in (State.RUNNING, State.PAUSED) and bool(_probes_of(model)))
        self.measuring.setText(messages.MEASURE_NO_MORE if model.measures else messages.MEASURE_AGAIN)
        self.stop.setVisible(going)
        self.resume.setVisible(model.over and model.resumable)
        self.error.setText(model.error)
        self.error.setToolTip(model.detail)
        self.error.setVisible(bool(model.error))

    def _pause(self) -> None:
        if self._model is not None:
            paused = self._model.state is State.PAUSED
            port = self._desk.port
            (port.request_continue if paused else port.request_pause)(self._model.run)

    def _measure(self) -> None:
        if self._model is not None:
            self._model.measures = not self._model.measures
            self._desk.port.request_measuring(self._model.run, self._model.measures)
            self.show_model(self._model)

    def _stop(self) -> None:
        if self._model is not None:
            waiting = self._model.state in (State.QUEUED, State.PREPARING)
            port = self._desk.port
            (port.request_cancel if waiting else port.request_stop)(self._model.run)

    def _resume(self) -> None:
        if self._model is not None:
            self._desk.ask(self._desk.port.resume, self._model.run, owner=self)


def state_of(model: RunModel) -> str:
    """Where the run is, in a word or two."""
    if model.state is State.FINISHED:
        return str(model.reason or Reason.COMPLETED)
    if model.state is State.QUEUED:
        return messages.QUEUED
    if model.state is State.PREPARING and model.message:
        said = model.message
        return said if said.startswith("Preparing") else messages.PREPARING.format(message=said)
    return str(model.state)


def facts_of(model: RunModel) -> list[str]:
    """The live numbers, each with its unit."""
    parts = [state_of(model)]
    if model.steps:
        parts.append(f"step {model.step} of {model.steps}")
    if model.state is State.RUNNING:
        if model.rate:
            parts.append(f"{model.rate:.3g} steps/s")
        if model.seconds_left is not None:
            parts.append(messages.time_left(model.seconds_left))
        if model.memory_bytes:
            parts.append(messages.memory(model.memory_bytes))
    elif model.over and model.seconds:
        parts.append(messages.duration(model.seconds))
    if model.device:
        parts.append(model.device)
    return parts


def _probes_of(model: RunModel) -> set[str]:
    """The probes that the run asked for."""
    return {read_probe(text)[0] for text in model.record.facts.request.probes} if model.record else set()


def _probe_panels(model: RunModel, probes: Sequence[ProbeCard]) -> list[PanelData]:
    """Their panels."""
    asked = _probes_of(model)
    return [panel for card in probes if card.name in asked for panel in card.panels]


class Board(QWidget):
    """See the module's docstring. `dirty()` asks for a redraw, which comes within `REFRESH_MS`."""

    def __init__(self, desk: Desk, name: str = "board") -> None:
        super().__init__()
        self.setObjectName(name)
        # Opaque, so that a change in it does not have all that lies behind it painted too.
        self.setAutoFillBackground(True)
        self.model: RunModel | None = None
        self._refreshes: list[Refresh] = []
        self._claimed: set[str] = set()
        self._others: dict[str, LinesPanel] = {}
        self._losses: dict[str, str] = {}
        """What the method calls its losses."""
        self._log_shown = 0
        self.facts = Facts(desk)
        self.loss = LinesPanel(messages.LOSS_TITLE, "Every step's losses.", y_label="loss", name="loss")
        self.parts = LinesPanel(messages.PARTS_TITLE, messages.PARTS_ABOUT, y_label="loss", name="loss_parts")
        self.parts.hide()
        self._top = top = QWidget()
        top.setMinimumHeight(TOP)
        side_by_side = row(self.loss, self.parts)
        side_by_side.setStretch(0, 1)
        side_by_side.setStretch(1, 1)
        top.setLayout(side_by_side)
        self._small = QGridLayout()
        self._small.setContentsMargins(0, 0, 0, 0)
        self._small.setSpacing(UNIT)
        self._panels: list[QWidget] = []
        self._across = 0
        small = QWidget()
        small.setLayout(column(self._small, None))
        self._left = QSplitter(Qt.Orientation.Vertical)
        self._left.setHandleWidth(UNIT)
        self._left.addWidget(top)
        self._left.addWidget(scrolled(small, f"{name}_small"))
        self._left.setSizes([320, 460])
        self._left.installEventFilter(self)
        self._pictures = QVBoxLayout()
        self._pictures.setSpacing(UNIT)
        self.log = QPlainTextEdit()
        self.log.setObjectName(f"{name}_log")
        self.log.setReadOnly(True)
        self.log.setPlaceholderText(messages.LOG_EMPTY)
        self.log.setMaximumBlockCount(5000)
        log = Panel(messages.LOG_HEADING, margin=12)
        log.body.addWidget(self.log)
        pictures = QWidget()
        pictures.setLayout(self._pictures)
        self._pictures.setContentsMargins(0, 0, 0, 0)
        self._right = QSplitter(Qt.Orientation.Vertical)
        self._right.setHandleWidth(UNIT)
        self._right.addWidget(scrolled(pictures, f"{name}_pictures"))
        self._right.addWidget(log)
        self._right.setSizes([520, 200])
        split = QSplitter()
        split.setHandleWidth(UNIT)
        split.addWidget(self._left)
        split.addWidget(self._right)
        split.setStretchFactor(0, 1)
        split.setSizes([1000, 360])
        body = column(self.facts, split)
        body.setStretch(1, 1)
        self.setLayout(body)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._tick)
        self._jobs: list[Refresh] = []
        self._again = False

    def show_run(self, model: RunModel, card: MethodCard | None, probes: Sequence[ProbeCard] = ()) -> None:
        """Shows a run with its method's panels and those of the probes it asked for (`probes` are all there are).

        Without a card only the losses and whatever else it recorded.
        """
        self.model = model
        self._clear()
        # What was adapted was not trained: it has no losses of its own.
        self._top.setVisible(model.record is None or model.record.facts.adapted is None)
        pictures = 0
        for index, panel in enumerate([*(card.panels if card else ()), *_probe_panels(model, probes)]):
            self._claimed.update(getattr(panel, "series", ()))
            if isinstance(panel, Lines) and panel.series and all("loss" in name for name in panel.series):
                self._losses |= legend_names(panel)
                continue
            widget, refresh = make_panel(panel, f"panel_{index}")
            self._refreshes.append(refresh)
            if isinstance(panel, Images):
                self._pictures.addWidget(widget, 1)
                pictures += 1
            else:
                self._place(widget)
        self._right.widget(0).setVisible(pictures > 0)
        self.refresh()

    def dirty(self) -> None:
        """Something changed: redraw soon, once, one panel after another so that the window never waits for all."""
        self._again = True
        if not self._timer.isActive():
            self._timer.start(REFRESH_MS)

    def refresh(self) -> None:
        """Brings everything up to date with the model at once; nothing is drawn that nobody sees."""
        self._jobs = []
        if self.model is not None and self.isVisible():
            for job in self._work():
                job(self.model)

    def _tick(self) -> None:
        """Redraws the next panel; begins anew where something changed meanwhile."""
        if self.model is None or not self.isVisible():
            self._jobs = []
            return
        if not self._jobs:
            if not self._again:
                return
            self._again = False
            self._jobs = self._work()
        self._jobs.pop(0)(self.model)
        if self._jobs or self._again:
            self._timer.start(BETWEEN_MS if self._jobs else REFRESH_MS)

    def _work(self) -> list[Refresh]:
        return [self.facts.show_model, self._show_loss, *self._refreshes, self._show_others, self._show_log]

    def _show_loss(self, model: RunModel) -> None:
        if model.over:
            self.loss.say_waiting(messages.NOT_RECORDED)
        curves = called(curves_of(model, losses(model)), self._losses)
        total = [curve for curve in curves if curve.name == SUM]
        parts = [curve for curve in curves if curve.name != SUM]
        apart = bool(total) and len(parts) >= MANY
        self.loss.set_curves([replace(total[0], colour=colour_of(1))] if apart else curves)
        self.parts.setVisible(apart)
        self._top.setMinimumHeight(TOP_WITH_PARTS if apart else TOP)
        if apart:
            self.parts.set_curves(parts)

    def showEvent(self, event: object) -> None:
        if not self.testAttribute(Qt.WidgetAttribute.WA_NativeWindow):
            own_window(self)
        super().showEvent(event)
        self.dirty()

    def _show_others(self, model: RunModel) -> None:
        """Series that no panel asks for (the learning rate, say) get a small panel each."""
        named = set(names_of(model, sorted(self._claimed))) | set(losses(model)) | set(self._others)
        for name in [name for name in model.series if name not in named]:
            self._others[name] = LinesPanel(messages.heading(name), name=f"series_{name}")
            self._place(self._others[name])
        for name, panel in self._others.items():
            panel.set_curves(curves_of(model, (name,)))

    def _show_log(self, model: RunModel) -> None:
        if self._log_shown > len(model.log):
            self.log.clear()
            self._log_shown = 0
        for level, text in model.log[self._log_shown :]:
            self.log.appendPlainText(text if level == "info" else f"{level}: {text}")
        self._log_shown = len(model.log)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._left and event.type() is QEvent.Type.Resize and self._fit() != self._across:
            self._arrange()
        return super().eventFilter(watched, event)

    def _place(self, widget: QWidget) -> None:
        widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._panels.append(widget)
        self._arrange()

    def _fit(self) -> int:
        """Small panels that fit side by side."""
        return max(1, min(ACROSS if self._left.width() >= WIDE else 2, len(self._panels)))

    def _arrange(self) -> None:
        """Puts the small panels in rows, and gives those the room they need."""
        self._across = across = self._fit()
        for place, panel in enumerate(self._panels):
            self._small.addWidget(panel, place // across, place % across)
        for begin in range(0, len(self._panels), across):
            side_by_side = self._panels[begin : begin + across]
            height = max(getattr(panel, "wanted_height", SMALL_HEIGHT) for panel in side_by_side)
            for panel in side_by_side:
                panel.setFixedHeight(height)
        for place in range(ACROSS):
            self._small.setColumnStretch(place, int(place < across))
        rows = min(2, -(-len(self._panels) // across))
        small = rows * (SMALL_HEIGHT + UNIT)
        self._left.setSizes([max(self._left.widget(0).minimumHeight(), self._left.height() - small), small])

    def _clear(self) -> None:
        for layout in (self._small, self._pictures):
            while (item := layout.takeAt(0)) is not None:
                item.widget().setParent(None)
                item.widget().deleteLater()
        self._refreshes, self._claimed, self._others, self._panels = [], set(), {}, []
        self._losses = {}
        self._jobs = []
        self.log.clear()
        self._log_shown = 0
