"""Probes of a run: when they measure, what becomes of their findings, and what they cost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sagittal.events import MessageRaised, PreviewReady, SpectrumComputed
from sagittal.outbox import Post
from sagittal_engine.errors import explain
from sagittal_engine.ledger import Ledger
from sagittal_engine.probes.probe import Findings, Moment, Probe, undisturbed
from sagittal_engine.store.atomic import replacing
from sagittal_engine.store.run_folder import RunFolder

SPECTRUM = "spectrum"
"""Source of the panels that show a Hessian spectrum."""


class Probing:
    """The probes of one sitting of a run."""

    def __init__(self, probes: Iterable[Probe], run: str, folder: RunFolder, post: Post, ledger: Ledger) -> None:
        self._probes = list(probes)
        self._run, self._folder, self._post, self._ledger = run, folder, post, ledger
        self._told: set[str] = set()
        self.seconds = 0.0
        """Time spent measuring, over all sittings."""

    def look(self, step: int, goal: int, moment: Callable[[], Moment]) -> None:
        """Measures what is due after `step` steps. A probe that raises is told once and left out from then on."""
        due = [probe for probe in self._probes if probe.due(step, goal)]
        if not due:
            return
        now = moment()
        for probe in due:
            begun = time.perf_counter()
            try:
                with undisturbed(now.module, now.device):
                    findings = probe.measure(now)
                self._publish(step, findings)
            except Exception as error:
                self._probes.remove(probe)
                text, detail = explain(error, f"measuring '{probe.name}', which is left out from now on")
                self._post(MessageRaised(self._run, "warning", text, detail))
            self.seconds += time.perf_counter() - begun
        self._ledger.add_numbers(step, self._cost(now))

    def _cost(self, moment: Moment) -> dict[str, float]:
        """The cost meter: seconds of all probes so far, and their share of the time spent training."""
        share = {"probe_share": self.seconds / moment.seconds} if moment.seconds > 0 else {}
        return {"probe_seconds": self.seconds, **share}

    def _publish(self, step: int, findings: Findings) -> None:
        self._ledger.add_numbers(step, findings.numbers)
        for level, text in findings.notes:
            if text not in self._told:
                self._told.add(text)
                self._post(MessageRaised(self._run, level, text))
        for source, document in findings.documents.items():
            path = write_document(self._folder, source, step, document)
            self._post(PreviewReady(self._run, source, step, str(path), str(document.get("about", ""))))
            if source == SPECTRUM:
                self._post(SpectrumComputed(self._run, step, str(path)))


def write_document(folder: RunFolder, source: str, step: int, document: Mapping[str, Any]) -> Path:
    """Writes what a panel shows of `step` as JSON into the run's folder, and returns where."""
    path = folder.preview_path(source, step, ".json")
    with replacing(path, durable=False) as temporary:
        temporary.write_text(json.dumps({"step": step, **document}), encoding="utf-8")
    return path
