"""The reader that keeps a run's events in its folder."""

from __future__ import annotations

from pathlib import Path

from sagittal.events import Event, MessageRaised, MetricsChunk, PreviewReady, RunFinished, StateChanged
from sagittal_engine.store.run_folder import RunFolder


class Recorder:
    """Writes each event where its kind belongs; kinds that the record does not keep are passed over."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def take(self, event: Event) -> None:
        """Raises OSError where the folder cannot be written."""
        if isinstance(event, MetricsChunk):
            self._folder.metrics.append(event.series)
        elif isinstance(event, PreviewReady):
            self._folder.add_preview(event.panel, event.step, Path(event.path), event.caption)
        elif isinstance(event, MessageRaised):
            self._folder.log(event.level, event.text, event.detail)
        elif isinstance(event, StateChanged):
            self._folder.log("state", event.state.value)
        elif isinstance(event, RunFinished):
            text = f"{event.reason.value} at step {event.step}. {event.error}".strip()
            self._folder.log("finished", text, event.detail)
