"""Asking a run's network where it looked in a scan, and how the map lies over the slices: a panel for any view of one.

The panel draws on the `CanvasState` that it is given; whoever shows that scan keeps the view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from sagittal.events import Event, Reason, TaskFinished, TaskProgress
from sagittal.saliency import SaliencyFacts, SaliencyLayer, SaliencyRequest
from sagittal_app import saliency_words as words
from sagittal_app import theme
from sagittal_app.canvas.geometry import AXES, Plane
from sagittal_app.canvas.heat import TABLE, Heat, strongest
from sagittal_app.canvas.state import CanvasState
from sagittal_app.desk import Desk
from sagittal_app.forms.controls import QuietCombo
from sagittal_app.task_follower import TaskFollower
from sagittal_app.widgets.basics import UNIT, Elided, button, clear, column, label, row

NAME_WIDTH = 10 * UNIT
AREA, RANK = "_area", "_rank"


@dataclass(frozen=True)
class _Network:
    """What a run can be asked."""

    targets: tuple[str, ...]
    layers: tuple[SaliencyLayer, ...]
    checkpoints: tuple[str, ...]


class SaliencyPanel(QWidget):
    """`show_subject` says which run is asked about which scan, and where the map is drawn."""

    shown = Signal(object)
    """The `SaliencyFacts` of the map that lies over the scan now."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("saliency_panel")
        self._desk = desk
        self._run = self._scan = self._wanted_target = ""
        self._state: CanvasState | None = None
        self._maps: list[SaliencyFacts] = []
        self._facts: SaliencyFacts | None = None
        self._values: NDArray[np.float32] | None = None
        self._follower = TaskFollower(desk, self)
        self._follower.progressed.connect(self._progressed)
        self._follower.finished.connect(self._finished)
        desk.bridge.event.connect(self._handle)
        self.target = _chooser("saliency_target", words.TARGET_HELP)
        self.layer = _chooser("saliency_layer", words.LAYER_HELP)
        self.checkpoint = _chooser("saliency_checkpoint", words.CHECKPOINT_HELP)
        self.shuffled = QCheckBox(words.SHUFFLED)
        self.shuffled.setObjectName("saliency_shuffled")
        self.shuffled.setToolTip(words.SHUFFLED_HELP)
        self.look = button(
            words.LOOK, "saliency_look", lambda: self.start(), role="primary", icon="mdi6.eye-outline",
            help=words.LOOK_HELP,
        )  # fmt: skip
        self.sanity = button(
            words.SANITY, "saliency_sanity", lambda: self.start(sanity=True), icon="mdi6.scale-balance",
            help=words.SANITY_HELP,
        )  # fmt: skip
        self.said = Elided("", "soft")
        self.said.setObjectName("saliency_said")
        self.cancel = button(words.CANCEL, "saliency_cancel", self._follower.cancel, role="link")
        self.maps = _chooser("saliency_maps", "")
        self.maps.activated.connect(lambda _index: self._choose(self.maps.currentData()))
        self.visible_map = QCheckBox(words.SHOWN)
        self.visible_map.setObjectName("saliency_shown")
        self.visible_map.setToolTip(words.SHOWN_HELP)
        self.visible_map.setChecked(True)
        self.visible_map.toggled.connect(lambda _on: self._draw())
        self.opacity = _slider("saliency_opacity", 50)
        self.threshold = _slider("saliency_threshold", 20)
        self.strongest = button(
            words.STRONGEST, "saliency_strongest", self.go_to_strongest, icon="mdi6.target", help=words.STRONGEST_HELP
        )
        self._numbers = QGridLayout()
        self._numbers.setHorizontalSpacing(UNIT)
        self._numbers.setVerticalSpacing(UNIT // 2)
        self._numbers.setColumnStretch(0, 1)
        self._verdict = QVBoxLayout()
        self._verdict.setSpacing(UNIT // 2)
        self._result = QWidget()
        self._result.setLayout(
            column(
                row(self.visible_map, None, self.strongest),
                self._line(words.OPACITY, self.opacity, words.OPACITY_HELP),
                self._line(words.THRESHOLD, self.threshold, words.THRESHOLD_HELP),
                _scale(),
                self._numbers,
                self._verdict,
            )
        )
        self._ask = QWidget()
        self._ask.setLayout(
            column(
                _named(words.TARGET, self.target),
                _named(words.LAYER, self.layer),
                _named(words.CHECKPOINT, self.checkpoint),
                self.shuffled,
                row(self.look, self.sanity, None),
            )
        )
        self.bar = QProgressBar()
        self.bar.setObjectName("saliency_progress")
        self.bar.setTextVisible(False)
        line = row(self.bar, self.cancel)
        line.setStretch(0, 1)
        self._under_way = QWidget()
        self._under_way.setLayout(column(self.said, line))
        self._kept = _named(words.MAPS, self.maps)
        self.setLayout(column(self._ask, self._under_way, self._kept, self._result, None))
        for slider in (self.opacity, self.threshold):
            slider.valueChanged.connect(lambda _value: self._draw())
        self._enable()

    # What is asked about what --------------------------------------------------------------------------------------

    def show_subject(self, run: str, scan: str, state: CanvasState | None, *, target: str = "") -> None:
        """Asks `run` about `scan`, whose slices `state` shows; `target` is chosen where the run offers it.

        The newest map that is kept of both is shown. Empty ids ask nothing.
        """
        self._take_heat_away()
        changed = run != self._run
        self._run, self._scan, self._state, self._wanted_target = run, scan, state, target
        if changed:
            self._read_network()
        else:
            self._prefer_target()
        self._read_maps()
        self._enable()

    def _read_network(self) -> None:
        for box in (self.target, self.layer, self.checkpoint):
            box.clear()
        if not self._run:
            return
        self._say_reading()
        run, port = self._run, self._desk.port

        def read() -> _Network:
            saved = tuple(port.run(run).checkpoints)
            if not saved:
                return _Network((), (), ())
            return _Network(tuple(port.saliency_targets(run)), tuple(port.saliency_layers(run)), saved)

        self._desk.ask(read, then=self._take_network, failed=self._broken, owner=self, topic="network")

    def _say_reading(self) -> None:
        self.said.say(words.READING)
        self.bar.setRange(0, 0)

    def _broken(self, sentence: str, _detail: str) -> None:
        self.said.say(words.BROKEN.format(problem=sentence))
        self._enable()

    def _take_network(self, found: _Network) -> None:
        for target in found.targets:
            self.target.addItem(words.TARGETS.get(target, target), target)
        for place, layer in enumerate(found.layers):
            self.layer.addItem(layer.title, layer.name)
            self.layer.setItemData(place, layer.about or layer.name, Qt.ItemDataRole.ToolTipRole)
        for name in found.checkpoints:
            self.checkpoint.addItem(f"step {name}" if name.isdecimal() else name, name)
        self._prefer_target()
        if not self._follower.busy:
            self.said.say("" if found.layers else words.CANNOT if found.checkpoints else words.NO_CHECKPOINT)
        self._enable()

    def _prefer_target(self) -> None:
        place = self.target.findData(self._wanted_target)
        if place >= 0:
            self.target.setCurrentIndex(place)

    def request(self) -> SaliencyRequest:
        """What is asked as the choosers stand."""
        return SaliencyRequest(
            self._run,
            self._scan,
            str(self.layer.currentData() or ""),
            str(self.target.currentData() or ""),
            str(self.checkpoint.currentData() or "last"),
            self.shuffled.isChecked(),
        )

    def start(self, *, sanity: bool = False) -> None:
        """Has the map made; with `sanity` also compared with that of shuffled weights."""
        port, request = self._desk.port, self.request()
        self._say_reading()
        self._follower.start(lambda: port.start_saliency(request, sanity=sanity), failed=self._refused)
        self._enable()

    def _refused(self, sentence: str, detail: str) -> None:
        self.said.say("")
        self._desk.notify("error", sentence, detail)
        self._enable()

    def _handle(self, event: Event) -> None:
        self._follower.handle(event)

    def _progressed(self, event: TaskProgress) -> None:
        self.said.say(f"{event.message}, {event.done} of {event.total} slices" if event.total > 1 else event.message)
        self.bar.setRange(0, event.total if event.total > 1 else 0)
        self.bar.setValue(event.done)
        self._enable()

    def _finished(self, event: TaskFinished) -> None:
        # A failure is told by the window, as that of any task.
        self.said.say("")
        self._enable()
        if event.reason is not Reason.COMPLETED:
            return
        asked = event.result["request"]
        if (asked["run"], asked["scan"]) == (self._run, self._scan):
            self._read_maps(str(event.result["id"]))

    def _enable(self) -> None:
        busy, ready = self._follower.busy, bool(self._scan) and self.layer.count() > 0
        for part in (self.look, self.sanity):
            part.setEnabled(ready and not busy)
        for part in (self.target, self.layer, self.checkpoint, self.shuffled):
            part.setEnabled(self.layer.count() > 0)
        self._under_way.setVisible(busy or bool(self.said.whole()))
        self.bar.setVisible(busy or self.said.whole() == words.READING)
        self.cancel.setVisible(busy and bool(self._follower.task))
        self._kept.setVisible(bool(self._maps))
        self._result.setVisible(self._facts is not None)

    # Kept maps -----------------------------------------------------------------------------------------------------

    def _read_maps(self, wanted: str = "") -> None:
        run, scan = self._run, self._scan
        if not (run and scan):
            self._take_maps([], "")
            return
        self._desk.ask(
            self._desk.port.saliency_maps, run,
            then=lambda found: self._take_maps([one for one in found if one.request.scan == scan], wanted),
            owner=self, topic="maps",
        )  # fmt: skip

    def _take_maps(self, found: Sequence[SaliencyFacts], wanted: str) -> None:
        self._maps = list(found)
        self.maps.clear()
        for one in self._maps:
            asked = one.request
            shuffled = words.MAP_SHUFFLED if asked.shuffled else ""
            layer = asked.layer.removeprefix("encoder.").removeprefix("network.")
            text = words.MAP_LINE.format(target=asked.target, layer=layer, step=one.step, shuffled=shuffled)
            self.maps.addItem(text, one.id)
            self.maps.setItemData(self.maps.count() - 1, one.title, Qt.ItemDataRole.ToolTipRole)
        fitting = [one.id for one in self._maps if not self._wanted_target or one.request.target == self._wanted_target]
        self._choose(wanted or next(iter(fitting), ""))

    def _choose(self, saliency: str) -> None:
        """Shows one of the kept maps."""
        facts = next((one for one in self._maps if one.id == saliency), None)
        self.maps.setCurrentIndex(self.maps.findData(saliency))
        if facts is None:
            self._facts = self._values = None
            self._take_heat_away()
            self._enable()
            return
        take = lambda values: self._take(facts, values)  # noqa: E731
        self._desk.ask(self._desk.port.saliency_map, saliency, then=take, owner=self, topic="map")

    def _take(self, facts: SaliencyFacts, values: NDArray[np.float32]) -> None:
        if facts.request.scan != self._scan:
            return
        fresh = self._facts is None or self._facts.request.scan != facts.request.scan
        self._facts, self._values = facts, values
        self._say_numbers(facts)
        self._enable()
        self._draw()
        if fresh:
            self.go_to_strongest()
        self.shown.emit(facts)

    # Over the scan -------------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Lays the map over the scan again: whoever shows it calls this once the scan is there."""
        self._draw()
        self.go_to_strongest()

    def _draw(self) -> None:
        state, values = self._state, self._values
        if state is None or state.scan is None or state.scan.scan != self._scan:
            return
        if values is None or not self.visible_map.isChecked() or values.shape != state.shape:
            state.set_heat(None)
        elif state.heat is not None and state.heat.values is values:
            state.set_heat(replace(state.heat, opacity=self._opacity(), threshold=self._threshold()))
        else:
            state.set_heat(Heat(values, self._opacity(), self._threshold()))

    def _take_heat_away(self) -> None:
        if self._state is not None and self._state.heat is not None:
            self._state.set_heat(None)

    def _opacity(self) -> float:
        return self.opacity.value() / 100

    def _threshold(self) -> float:
        return self.threshold.value() / 100

    def go_to_strongest(self) -> None:
        """Shows the slice that holds most of the map."""
        state = self._state
        if self._values is None or self._facts is None or state is None or state.scan is None:
            return
        if state.scan.scan != self._scan or self._values.shape != state.shape:
            return
        axis = AXES[Plane(self._facts.plane)][0]
        place = list(state.position)
        place[axis] = strongest(self._values, axis)
        state.move_to(place)

    # Numbers -------------------------------------------------------------------------------------------------------

    def _say_numbers(self, facts: SaliencyFacts) -> None:
        clear(self._numbers)
        clear(self._verdict)
        lines = [
            (name, f"{help} {words.SHARE_HELP}", facts.share.get(key), facts.share.get(key + AREA))
            for key, (name, help) in words.WHERE.items()
        ]
        lines += [
            (words.HIT.format(label=key), words.HIT_HELP.format(label=key), facts.hits[key], facts.hits[key + AREA])
            for key in facts.hits
            if key + AREA in facts.hits
        ]
        lines += [
            (words.RANKS.format(label=key), words.RANKS_HELP.format(label=key), facts.hits[key + RANK], 0.5)
            for key in facts.hits
            if key + RANK in facts.hits
        ]
        for place, heading in enumerate(words.NUMBERS):
            self._numbers.addWidget(label(heading, "quiet"), 0, place, Qt.AlignmentFlag.AlignRight)
        for line, (name, help, value, area) in enumerate([one for one in lines if one[3] is not None], start=1):
            said = Elided(name)
            said.setMinimumWidth(14 * UNIT)
            self._numbers.addWidget(said, line, 0)
            for place, number in enumerate((value, area), start=1):
                self._numbers.addWidget(_figure(number), line, place, Qt.AlignmentFlag.AlignRight)
            for place in range(3):
                self._numbers.itemAtPosition(line, place).widget().setToolTip(help)
        if facts.sanity is not None:
            bad = facts.sanity >= words.LIKE_LIMIT
            verdict = words.LIKE_BAD if bad else words.LIKE_GOOD
            text = f"{words.LIKE.format(value=facts.sanity)} {verdict}"
            told = label(text, "warning" if bad else "good", wrap=True)
            told.setObjectName("saliency_verdict")
            self._verdict.addWidget(told)
        for note in facts.notes:
            self._verdict.addWidget(label(note, "warning", wrap=True))
        self._verdict.addWidget(label(words.STEP.format(step=facts.step, plane=facts.plane), "quiet"))

    def _line(self, name: str, slider: QSlider, help: str) -> QHBoxLayout:
        figure = label(f"{slider.value()} %", "soft")
        figure.setFixedWidth(5 * UNIT)
        figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        slider.valueChanged.connect(lambda value: figure.setText(f"{value} %"))
        slider.setToolTip(help)
        title = label(name)
        title.setFixedWidth(NAME_WIDTH)
        line = row(title, slider, figure)
        line.setStretch(1, 1)
        return line


def _chooser(name: str, help: str) -> QComboBox:
    box = QuietCombo()
    box.setObjectName(name)
    box.setToolTip(help)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(10)
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return box


def _named(name: str, control: QWidget) -> QWidget:
    """A control with its name on the left."""
    title = label(name)
    title.setFixedWidth(NAME_WIDTH)
    title.setToolTip(control.toolTip())
    made = QWidget()
    line = row(title, control)
    line.setStretch(1, 1)
    made.setLayout(line)
    return made


def _slider(name: str, value: int) -> QSlider:
    """In hundredths."""
    made = QSlider(Qt.Orientation.Horizontal)
    made.setObjectName(name)
    made.setRange(0, 100)
    made.setValue(value)
    return made


class _Bar(QWidget):
    """The colours of a map, from 0 to its largest value."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(UNIT)
        pixels = np.ascontiguousarray(TABLE[None])
        self._image = QImage(pixels.data, len(TABLE), 1, 3 * len(TABLE), QImage.Format.Format_RGB888).copy()

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.drawImage(self.rect(), self._image)


def _scale() -> QHBoxLayout:
    line = row(label(words.LOW, "quiet"), _Bar(), label(words.HIGH, "quiet"))
    line.setStretch(1, 1)
    return line


def _figure(value: float | None) -> QLabel:
    made = label("–" if value is None else f"{value:.3f}", selectable=True)
    made.setFont(theme.tabular(made.font()))
    return made
