"""What every part of the service shares: the open study, the mailbox, the runs and tasks under way."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from sagittal.engine_port import SagittalError
from sagittal.events import Event, State, StudyChanged
from sagittal.outbox import Outbox
from sagittal_engine.executors.lanes import Lanes
from sagittal_engine.registry import Registry
from sagittal_engine.tasks import Tasks

if TYPE_CHECKING:
    from sagittal_engine.run import Run
    from sagittal_engine.study import Study


class ServiceBase(ABC):
    """State of the engine. All methods may be called from any thread."""

    def __init__(self, registry: Registry | None = None, study: Study | None = None) -> None:
        """`study` is one the caller opened; it is then the caller's to close."""
        self._registry = registry or Registry()
        self._outbox = Outbox()
        self._tasks = Tasks(self._outbox.post)
        self._lanes = Lanes()
        self._lock = threading.RLock()
        self._runs: dict[str, Run] = {}
        self._study = study
        self._lent = study is not None

    def events(self) -> list[Event]:
        """Takes everything published since the last call; never blocks."""
        return self._outbox.drain()

    def _open(self) -> Study:
        """The open study. Raises `SagittalError` where none is."""
        if self._study is None:
            raise SagittalError("No study is open. Open one, or create one first.")
        return self._study

    def _open_for_writing(self) -> Study:
        study = self._open()
        if study.read_only:
            raise SagittalError(f"Nothing can be written to the study '{study.facts().name}'. {study.why_read_only}")
        return study

    @abstractmethod
    def _end_work(self) -> None:
        """Stops every run with a checkpoint, cancels every task, and waits for both."""

    def _live(self, source: str) -> Run | None:
        """The run `source` if it is not finished."""
        run = self._runs.get(source)
        return run if run is not None and run.status().state is not State.FINISHED else None

    def _live_runs(self) -> list[Run]:
        with self._lock:
            return [run for run in self._runs.values() if run.status().state is not State.FINISHED]

    def _changed(self, what: str, scans: tuple[str, ...] = ()) -> None:
        self._outbox.post(StudyChanged("study", what, scans))
