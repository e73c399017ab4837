"""What the demo found, between the work that finds it and the report that tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sagittal.facts import ScanFacts
from sagittal.method import MethodCard
from sagittal.run_record import RunRecord

SEED = 0
PROTOCOLS = ("published", "deployed")
LABEL_SET = "demo"


@dataclass
class Results:
    """Everything the report tells."""

    study: Path
    card: MethodCard
    scans: tuple[ScanFacts, ...]
    training: int
    """How many of the scans, the first ones, are trained on; the others are only ever tested on."""
    support: ScanFacts
    runs: dict[str, RunRecord] = field(default_factory=dict)
    """"untrained" and "trained"."""
    evaluations: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    """(run, protocol) → what `evaluate` found."""
    segmentation: Mapping[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """Part of the work → how long it took."""

    @property
    def tested(self) -> tuple[ScanFacts, ...]:
        return self.scans[self.training :]
