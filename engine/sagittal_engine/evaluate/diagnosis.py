"""What classifiers say of exams: read scan by scan, drawn again and again, and weighed over planes.

Probabilities of a plane are averaged over the classifiers of that plane. The ensemble's is Σ w · p over the planes that
an exam has, with weights that sum to one: by log-odds of accuracy (`kit.exam_votes`), and 0 of a plane that is no
better than a coin. The published rule would give that one a negative weight, and where log-odds of planes nearly cancel
weights far above 1: the few exams by which planes are weighed would then turn probabilities into 0 or 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from sagittal.diagnosis import ExamFacts, Neighbour, Opinion, SliceShare, Weights
from sagittal.method import Classifier, ScanData
from sagittal_engine.kit.exam_votes import vote_weights
from sagittal_engine.kit.exams import truth_of

Array = np.ndarray[Any, Any]

THRESHOLD = 0.5
INTERVAL = (0.025, 0.975)
NEIGHBOURS = 10
"""Kept of each exam."""


@dataclass(frozen=True)
class Reading:
    """What one classifier makes of one scan."""

    probabilities: Array
    """(draws, labels)."""
    contributions: Array
    """(slices, labels): see `sagittal.diagnosis.SliceShare`; empty where it was not asked for."""


@torch.no_grad()
def read_scan(
    method: Classifier,
    module: torch.nn.Module,
    scan: ScanData,
    *,
    draws: int,
    seed: int,
    contributions: bool,
    boundary: Callable[[], None],
) -> tuple[Reading, Array]:
    """Reads a scan once and judges `draws` draws of its slices; also the mean of its slices' features, float32 (F,).

    Draw n of a scan depends on the seed, the scan and n alone.
    """
    read = method.read(module, method.slices(scan))
    chosen = [method.draw(len(read), _generator(seed, scan.id, number)) for number in range(draws)]
    scores = method.judge(module, torch.stack([read[own.to(read.device)] for own in chosen])).double()
    shares = np.zeros((0, 0))
    if contributions:
        shares = np.zeros((len(read), scores.shape[1]))
        held = np.zeros((len(read), 1))
        for own, whole in zip(chosen, scores, strict=True):
            boundary()
            if len(own) > 1:
                others = torch.stack([torch.cat([own[:n], own[n + 1 :]]) for n in range(len(own))]).to(read.device)
                without = method.judge(module, read[others]).double()
                shares[own] += (whole - without).cpu().numpy()
            held[own] += 1
        shares /= np.maximum(held, 1)
    features = method.features(read).float().mean(0).cpu().numpy()
    return Reading(scores.sigmoid().cpu().numpy(), shares), features


def _generator(seed: int, scan: str, number: int) -> torch.Generator:
    digest = hashlib.sha256(f"{seed}:{scan}:{number}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


@dataclass
class Panel:
    """One classifier with what it said, by scan."""

    run: str
    plane: str
    labels: tuple[str, ...]
    trained_on: frozenset[str] = frozenset()
    """Scans whose labels it learned."""
    kept: frozenset[str] = frozenset()
    """Scans with labels that it kept from training."""
    readings: dict[str, Reading] = field(default_factory=dict)
    features: dict[str, Array] = field(default_factory=dict)

    def said(self, scan: str, label: str) -> Array:
        """(draws,): the probability of a label."""
        return self.readings[scan].probabilities[:, self.labels.index(label)]


@dataclass(frozen=True)
class Vote:
    """Whether a plane was right about a label of one exam."""

    subject: str
    right: bool


class Ensemble:
    """Classifiers of one or more planes, and how they are weighed."""

    def __init__(self, panels: Sequence[Panel], weights: Weights) -> None:
        self.panels, self.weights = tuple(panels), weights
        self.labels = tuple(dict.fromkeys(label for panel in panels for label in panel.labels))
        self.planes = tuple(dict.fromkeys(panel.plane for panel in panels))
        self._votes: dict[tuple[str, str], list[Vote]] = {}

    def learn(self, exams: Iterable[ExamFacts]) -> None:
        """Takes note of how often each plane is right: of exams that all its classifiers kept from training, or, as
        published, of any that are given."""
        for exam in exams:
            for label in self.labels:
                truth = truth_of(exam.labels, label)
                for plane in self.planes:
                    scan = exam.planes.get(plane, "")
                    own = self._panels(label, plane, scan)
                    leaked = self.weights is Weights.PUBLISHED
                    if truth is None or not own or not (leaked or all(scan in panel.kept for panel in own)):
                        continue
                    told = float(np.mean([panel.said(scan, label) for panel in own])) >= THRESHOLD
                    self._votes.setdefault((label, plane), []).append(Vote(exam.subject or exam.exam, told == truth))

    def votes(self, label: str, plane: str) -> int:
        """Exams on which the weight of a plane is learnt."""
        return len(self._votes.get((label, plane), ()))

    def weights_of(self, label: str, planes: Sequence[str], *, without: str = "") -> dict[str, float]:
        """Plane → weight, summing to one: by the log-odds of each plane's accuracy on exams of subjects other than
        `without`, so that no exam decides about itself.

        An accuracy of 0 or 1 over n exams counts as ½ of an exam from there. A plane that is no better than a coin has
        no weight. Equal where a plane has no such exams, or no plane is better than a coin.
        """
        even = dict.fromkeys(planes, 1 / len(planes))
        if self.weights is Weights.EQUAL or len(planes) == 1:
            return even
        accuracies: dict[str, float] = {}
        for plane in planes:
            votes = self._votes.get((label, plane), [])
            own = [vote.right for vote in votes if self.weights is Weights.PUBLISHED or vote.subject != without]
            if not own:
                return even
            accuracies[plane] = min(max(float(np.mean(own)), 0.5 / len(own)), 1 - 0.5 / len(own))
        better = {plane: accuracy for plane, accuracy in accuracies.items() if accuracy > 0.5}
        if not better:
            return even
        found = vote_weights(torch.tensor(list(better.values()), dtype=torch.float64).unsqueeze(1)).flatten().tolist()
        return dict.fromkeys(planes, 0.0) | dict(zip(better, found, strict=True))

    def planes_for(self, label: str) -> list[str]:
        """The planes that have a classifier of the label."""
        return [plane for plane in self.planes if any(p.plane == plane and label in p.labels for p in self.panels)]

    def _panels(self, label: str, plane: str, scan: str) -> list[Panel]:
        return [p for p in self.panels if p.plane == plane and label in p.labels and scan in p.readings]

    def opinions(self, exam: ExamFacts) -> tuple[Opinion, ...]:
        """What is said of each label; labels that none of the exam's planes tells are left out."""
        found = []
        for label in self.labels:
            said: dict[str, Array] = {}
            for plane in self.planes:
                own = self._panels(label, plane, exam.planes.get(plane, ""))
                if own:
                    said[plane] = np.mean([panel.said(exam.planes[plane], label) for panel in own], axis=0)
            if not said:
                continue
            weights = self.weights_of(label, list(said), without=exam.subject or exam.exam)
            draws = np.sum([weights[plane] * told for plane, told in said.items()], axis=0)
            low, high = np.quantile(draws, INTERVAL)
            found.append(
                Opinion(
                    label=label,
                    probability=float(draws.mean()),
                    low=float(low),
                    high=float(high),
                    draws=tuple(draws.tolist()),
                    planes={plane: tuple(told.tolist()) for plane, told in said.items()},
                    weights=weights,
                    truth=truth_of(exam.labels, label),
                    threshold=THRESHOLD,
                )
            )
        return tuple(found)

    def shares(self, exam: ExamFacts) -> tuple[SliceShare, ...]:
        """How much each slice speaks for each label, averaged over the classifiers of its plane; by plane and label,
        the largest first."""
        found = []
        for plane in self.planes:
            scan = exam.planes.get(plane, "")
            for label in self.labels:
                own = self._panels(label, plane, scan)
                if not own:
                    continue
                each = [panel.readings[scan].contributions[:, panel.labels.index(label)] for panel in own]
                mean = np.mean(each, axis=0)
                order = np.argsort(-mean, kind="stable")
                found += [SliceShare(plane, scan, int(n), label, float(mean[n])) for n in order]
        return tuple(found)

    def neighbours(self, exam: ExamFacts, others: Iterable[ExamFacts]) -> tuple[Neighbour, ...]:
        """The exams that are most alike: the mean, over the classifiers that read both, of the cosine of features."""
        found = []
        for other in others:
            if other.exam == exam.exam:
                continue
            alike = []
            for panel in self.panels:
                one, two = (panel.features.get(e.planes.get(panel.plane, "")) for e in (exam, other))
                if one is not None and two is not None:
                    length = float(np.linalg.norm(one) * np.linalg.norm(two))
                    alike.append(float(one @ two) / length if length else 0.0)
            if alike:
                found.append(Neighbour(other.exam, float(np.mean(alike)), dict(other.labels)))
        return tuple(sorted(found, key=lambda near: (-near.similarity, near.exam))[:NEIGHBOURS])


def truth_and_probabilities(opinions: Mapping[str, Sequence[Opinion]], label: str) -> tuple[list[str], Array, Array]:
    """Exams whose truth of a label is known, with truth bool (n,) and probability (n,). `opinions`: exam → opinions."""
    rows = [
        (exam, opinion.truth, opinion.probability)
        for exam, own in opinions.items()
        for opinion in own
        if opinion.label == label and opinion.truth is not None
    ]
    return [row[0] for row in rows], np.array([row[1] for row in rows], dtype=bool), np.array([row[2] for row in rows])
