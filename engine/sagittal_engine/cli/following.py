"""Waits for a run or task of the engine to end, passing its events on. Knows no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sagittal.engine_port import EnginePort, SagittalError
from sagittal.events import Event, MessageRaised, Reason, RunFinished, TaskFinished
from sagittal_engine.cli.status import Failure

POLL_SECONDS = 0.03
"""Between two looks into the engine's mailbox: progress looks fluent, and the run keeps the processor."""


@dataclass(frozen=True)
class Ending:
    """How a run or task ended."""

    reason: Reason
    result: Mapping[str, Any]
    error: str
    detail: str
    interrupted: bool
    """The user pressed Ctrl+C (or the system asked the program to end)."""

    def insist(self) -> Mapping[str, Any]:
        """The result of good work.

        Raises KeyboardInterrupt where it was cancelled, `SagittalError` where it failed for a reason that the user can
        mend, and `Failure` where it failed by a fault of ours.
        """
        if self.reason is Reason.FAILED:
            raise Failure(self.error, self.detail) if self.detail else SagittalError(self.error)
        if self.reason is Reason.CANCELLED or self.interrupted:
            raise KeyboardInterrupt
        return self.result


def follow(engine: EnginePort, source: str, show: Callable[[Event], None], *, run: bool = False) -> Ending:
    """Passes every event of run or task `source` to `show` until its last one.

    Ctrl+C asks a run to stop with a checkpoint and cancels a task; pressed again, it cancels the run too; pressed a
    third time it is raised.
    """
    interrupts = 0
    while True:
        try:
            for event in engine.events():
                if event.source != source:
                    continue
                show(event)
                if isinstance(event, RunFinished):
                    return Ending(event.reason, {}, event.error, event.detail, interrupts > 0)
                if isinstance(event, TaskFinished):
                    return Ending(event.reason, event.result, event.error, event.detail, interrupts > 0)
            time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            interrupts += 1
            if interrupts > 2:
                raise
            if run and interrupts == 1:
                show(
                    MessageRaised(source, "info", "Stopping after this step, with a checkpoint. Ctrl+C again cancels.")
                )
                engine.request_stop(source)
            else:
                show(MessageRaised(source, "info", "Cancelling."))
                engine.request_cancel(source)
