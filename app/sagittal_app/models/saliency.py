"""Which runs can be asked where they looked, and about which scans. No Qt."""

from __future__ import annotations

from collections.abc import Iterable

from sagittal.facts import ScanFacts
from sagittal.method import MethodCard
from sagittal.run_record import RunRecord
from sagittal_app.canvas.geometry import Plane

META = "plane"
"""Attribute of scans that are one plane of an exam, and parameter of networks of slices."""
CAN = frozenset({"representation", "predictor", "classifier"})
"""Capabilities of methods whose networks can be asked, where they see slices."""


def plane_of(record: RunRecord) -> Plane | None:
    """The plane of the slices that a run's network sees; None where it sees none."""
    named = record.facts.parameters.get(META)
    return Plane(named) if named in set(Plane) else None


def can_be_asked(record: RunRecord, card: MethodCard) -> bool:
    """Whether a run's network may be asked where it looked."""
    return bool(CAN & set(card.capabilities)) and plane_of(record) is not None


def fitting(scans: Iterable[ScanFacts], plane: Plane) -> list[ScanFacts]:
    """The scans that a network of slices of `plane` can be asked about: those that name no other plane."""
    return [scan for scan in scans if scan.meta.get(META, "") in ("", plane) or scan.meta[META] not in set(Plane)]
