"""Empties the engine's outbox 30 times a second on the UI thread and re-emits every event."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from sagittal.engine_port import EnginePort

INTERVAL_MS = 33


class Bridge(QObject):
    """One timer, one signal: everything that the engine publishes reaches the window through here."""

    event = Signal(object)
    """One `sagittal.events.Event`."""
    drained = Signal()
    """After the events of one tick, where there were any: the moment to redraw once for all of them."""

    def __init__(self, port: EnginePort, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._port = port
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.CoarseTimer)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.drain)

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def drain(self) -> None:
        """Re-emits what is waiting now."""
        events = self._port.events()
        for event in events:
            self.event.emit(event)
        if events:
            self.drained.emit()
