"""Diagnoses of exams: what classifiers of one or more planes say together, with intervals, and what they looked at.

Which labels occur together, and SCUMBLE, are counted in `sagittal.concurrence`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Weights(StrEnum):
    """How the planes' opinions are weighed."""

    LEARNT = "learnt"
    """By log-odds of each plane's accuracy on training exams held out from its classifier."""
    EQUAL = "equal"
    PUBLISHED = "published"
    """By log-odds of the accuracy on the exams that are tested: as published, and a leak. Always marked as one."""


@dataclass(frozen=True)
class ExamFacts:
    """One exam: the scans that were taken of one part of one person in one sitting."""

    exam: str
    subject: str
    planes: Mapping[str, str]
    """Plane ("sagittal", "coronal", "axial") → scan id. An exam may lack planes."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Meta labels that are the same for all of the exam's scans: name → value."""


@dataclass(frozen=True)
class DiagnosisRequest:
    """Everything that determines a diagnosis of exams."""

    runs: tuple[str, ...]
    """Runs of classifiers; several of one plane are averaged before the planes are weighed."""
    exams: tuple[str, ...] = ()
    """Empty takes the exams that no run was trained on, or all where there are none such."""
    draws: int = 8
    """Monte Carlo draws of slices, averaged."""
    weights: Weights = Weights.LEARNT
    seed: int = 0


@dataclass(frozen=True)
class Opinion:
    """What is said of one label of one exam."""

    label: str
    probability: float
    """Of the ensemble: mean over the draws."""
    low: float
    high: float
    """Interval of 95 % over the draws: 2.5 % and 97.5 % quantiles of the draws' probabilities."""
    draws: tuple[float, ...]
    """The ensemble's probability at each draw."""
    planes: Mapping[str, tuple[float, ...]]
    """Plane → probability at each draw."""
    weights: Mapping[str, float]
    """Plane → weight over the planes that this exam has; they sum to one."""
    truth: bool | None = None
    threshold: float = 0.5


@dataclass(frozen=True)
class SliceShare:
    """How much one slice speaks for a label."""

    plane: str
    scan: str
    index: int
    """Along the axis across the plane, in canonical order."""
    label: str
    contribution: float
    """Logit with the slice less the logit without it, averaged over the draws that held it; 0 where none did."""


@dataclass(frozen=True)
class Neighbour:
    """An exam that lies near in the space of features."""

    exam: str
    similarity: float
    """Cosine, of the mean feature over the slices of the planes that both exams have."""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ExamDiagnosis:
    """One exam, diagnosed."""

    exam: ExamFacts
    opinions: tuple[Opinion, ...]
    slices: tuple[SliceShare, ...] = ()
    """By plane and label, the largest contribution first."""
    neighbours: tuple[Neighbour, ...] = ()
    """The most similar first, the exam itself left out."""
    missing: tuple[str, ...] = ()
    """Planes that the classifiers know and the exam lacks: the others are weighed without them."""


@dataclass(frozen=True)
class DiagnosisFacts:
    """A diagnosis of exams, as it is kept in the study."""

    id: str
    request: DiagnosisRequest
    labels: tuple[str, ...]
    exams: tuple[str, ...]
    """The exams that were diagnosed."""
    weights: Mapping[str, Mapping[str, float]]
    """Label → plane → weight where all planes are there."""
    figures: Mapping[str, Mapping[str, Mapping[str, float]]]
    """Label → "accuracy", "auc", "sensitivity", "specificity", "calibration_error" → {"mean", "low", "high", "n"}: over
    the exams whose truth is known, with 2,000 bootstrap draws over exams. NaN where only one class is there."""
    notes: tuple[str, ...] = ()
    """What must be said beside the figures: exams that were trained on, a leak, planes that lack."""
    created: str = ""
    """ISO 8601 time."""
    files: Mapping[str, str] = field(default_factory=dict)
    """"table" (Markdown) and "csv" (a row per exam and label) → path."""
