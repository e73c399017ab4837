"""The engine behind `sagittal.engine_port.EnginePort`. Importing it, and opening a study, imports no torch."""

from __future__ import annotations

from sagittal_engine.service.adaptations import AdaptationService
from sagittal_engine.service.comparing import ComparisonService
from sagittal_engine.service.diagnosing import DiagnosisService
from sagittal_engine.service.saliency import SaliencyService
from sagittal_engine.service.studies import StudyService


class Engine(ComparisonService, AdaptationService, SaliencyService, DiagnosisService, StudyService):
    """`EnginePort` for real: one open study, its runs and tasks, one mailbox of events."""

    def shut_down(self) -> None:
        """Stops runs with a checkpoint, flushes journals, joins every thread. May be called again."""
        self.close_study()


__all__ = ["Engine"]
