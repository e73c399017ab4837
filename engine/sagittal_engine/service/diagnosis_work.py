"""The long part of a diagnosis: scans read by one classifier after the other, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.diagnosis import DiagnosisFacts, DiagnosisRequest, ExamDiagnosis, ExamFacts, Weights
from sagittal.engine_port import SagittalError
from sagittal_engine.data import ArrayCache, StudyScan, scans_of
from sagittal_engine.evaluate.diagnosis import Ensemble, Panel, read_scan, truth_and_probabilities
from sagittal_engine.evaluate.diagnosis_figures import figures
from sagittal_engine.registry import Registry
from sagittal_engine.service.trained import Trained, load_trained
from sagittal_engine.store.encoder import WEIGHTS, encoder_facts
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

CAPABILITY = "classifier"
LEAK = (
    "Planes are weighed by their accuracy on the very exams that are reported here, as published: that is a leak, and "
    "these figures are better than new exams would give."
)


@dataclass
class Work:
    """What the diagnosis of a study's exams needs, and what it finds."""

    study: Study
    registry: Registry
    request: DiagnosisRequest
    folders: Sequence[RunFolder]
    known: Sequence[ExamFacts]
    """All exams of the study."""
    task: Task

    def __post_init__(self) -> None:
        self.notes: list[str] = []
        self._trained: dict[str, Trained] = {}
        self._unreadable: dict[str, str] = {}
        self._done = self._total = 0

    def done(self, diagnosis: str, created: str) -> tuple[DiagnosisFacts, list[ExamDiagnosis]]:
        """Reads, weighs and measures. Raises `SagittalError` where no exam can be judged."""
        panels = [self._panel(folder) for folder in self.folders]
        tested = self._tested(panels)
        ensemble = Ensemble(panels, self.request.weights)
        wanted = {exam.exam for exam in tested}
        self._done, self._total = 0, sum(len(self._needed(panel, wanted)) for panel in panels)
        for panel, folder in zip(panels, self.folders, strict=True):
            self._read(panel, folder, wanted)
        ensemble.learn(tested if self.request.weights is Weights.PUBLISHED else self.known)
        self.task.progress(self._total, self._total, "Weighing planes and measuring")
        judged = [self._judged(ensemble, exam) for exam in tested]
        judged = [one for one in judged if one.opinions]
        if not judged:
            reason = next(iter(self._unreadable.values()), "None has a scan of the planes of the classifiers.")
            raise SagittalError(f"No exam could be judged. {reason}")
        facts = self._facts(ensemble, judged, diagnosis, created)
        return facts, judged

    # Who is judged ---------------------------------------------------------------------------------------------

    def _panel(self, folder: RunFolder) -> Panel:
        """A run's classifier, made ready, and whose labels it knows."""
        facts = folder.facts()
        self.task.begin(f"Loading run {facts.run}")
        there = {scan.scan for scan in self.study.facts().scans}
        scans = scans_of(self.study, [scan for scan in facts.scans if scan in there], facts.request.label_set)
        trained = load_trained(
            self.study, folder, self.registry, scans, self.task, capability=CAPABILITY, changes={}
        )  # fmt: skip
        self._trained[facts.run] = trained
        method = trained.method
        trained_on, kept = ({scan.id for scan in part} for part in method.divided(scans))
        return Panel(facts.run, method.plane, tuple(method.labels), frozenset(trained_on), frozenset(kept))

    def _tested(self, panels: Sequence[Panel]) -> list[ExamFacts]:
        planes = {panel.plane for panel in panels}
        able = [exam for exam in self.known if planes & set(exam.planes)]
        trained_on = frozenset[str]().union(*(panel.trained_on for panel in panels))
        learned = {who_of(exam) for exam in self.known if trained_on & set(exam.planes.values())}
        if self.request.exams:
            asked = set(self.request.exams)
            chosen = [exam for exam in able if exam.exam in asked]
            left = [exam for exam in asked if exam not in {one.exam for one in chosen}]
            if left:
                self.notes.append(f"Exams without a scan of {' or '.join(sorted(planes))} were left out: {some(left)}.")
        else:
            unseen = [exam for exam in able if who_of(exam) not in learned]
            chosen = unseen or able
        if not chosen:
            raise SagittalError(
                f"No exam of the study has a scan of the plane {' or '.join(sorted(planes))}, which the classifiers "
                "judge. Set the attribute 'plane' of scans, or use runs of other planes."
            )
        seen = [exam.exam for exam in chosen if who_of(exam) in learned]
        if seen:
            self.notes.append(
                f"{len(seen)} of {len(chosen)} exams are of subjects whose labels a classifier was trained on, which "
                f"flatters the figures: {some(seen)}."
            )
        self._note_pretext({who_of(exam) for exam in chosen} - learned)
        return chosen

    def _note_pretext(self, subjects: set[str]) -> None:
        """Says where what a classifier started from has seen images of the subjects, without their labels."""
        of = {scan: who_of(exam) for exam in self.known for scan in exam.planes.values()}
        for folder in self.folders:
            weights = folder.encoder / WEIGHTS
            seen = map(str, encoder_facts(weights).get("scans", ())) if weights.is_file() else ()
            both = {of[scan] for scan in seen if scan in of} & subjects
            if both:
                self.notes.append(
                    f"What run {folder.facts().run} started from had seen images of {len(both)} of the subjects judged "
                    "here, without their labels."
                )

    # Reading ---------------------------------------------------------------------------------------------------

    def _needed(self, panel: Panel, wanted: set[str]) -> dict[str, bool]:
        """Scan → whether it is judged: those of judged exams, and of all others, to find neighbours among them."""
        return {
            exam.planes[panel.plane]: exam.exam in wanted or exam.planes[panel.plane] in panel.kept
            for exam in self.known
            if panel.plane in exam.planes
        }

    def _read(self, panel: Panel, folder: RunFolder, wanted: set[str]) -> None:
        """Reads every scan of the panel's plane; one that cannot be read is told of and left out."""
        images = ArrayCache()
        label_set = folder.facts().request.label_set
        tested = {exam.planes.get(panel.plane) for exam in self.known if exam.exam in wanted}
        trained = self._trained[panel.run]
        method, module, context = trained.method, trained.module, trained.context
        for name, judged in self._needed(panel, wanted).items():
            self.task.progress(self._done, self._total, f"Reading {panel.plane} scans with run {panel.run}")
            self._done += 1
            scan = StudyScan(self.study, self.study.scan(name), label_set, images)
            key = f"exam-features-1/{panel.run}-{trained.step}_{name}.npy"
            try:
                if judged:
                    reading, features = read_scan(
                        method, module, scan, draws=self.request.draws, seed=self.request.seed,
                        contributions=name in tested, boundary=self.task.boundary,
                    )  # fmt: skip
                    panel.readings[name] = reading
                    context.cached(key, partial(_write, features))
                else:
                    path = context.cached(key, partial(_write_features, method, module, scan))
                    features = np.load(path, allow_pickle=False)
            except (SagittalError, ValueError, OSError) as error:
                self._unreadable[name] = str(error)
                continue
            panel.features[name] = features

    def _judged(self, ensemble: Ensemble, exam: ExamFacts) -> ExamDiagnosis:
        self.task.boundary()
        return ExamDiagnosis(
            exam=exam,
            opinions=ensemble.opinions(exam),
            slices=ensemble.shares(exam),
            neighbours=ensemble.neighbours(exam, self.known),
            missing=tuple(plane for plane in ensemble.planes if plane not in exam.planes),
        )

    # What comes of it ------------------------------------------------------------------------------------------

    def _facts(
        self, ensemble: Ensemble, judged: Sequence[ExamDiagnosis], diagnosis: str, created: str
    ) -> DiagnosisFacts:
        opinions = {one.exam.exam: one.opinions for one in judged}
        measured = {}
        for label in ensemble.labels:
            _, truth, told = truth_and_probabilities(opinions, label)
            measured[label] = figures(truth, told, seed=self.request.seed)
            if len(truth) and truth.all() == truth.any():
                which = "with" if truth.all() else "without"
                self.notes.append(f"All {len(truth)} exams are {which} {label}, so it has no AUC.")
        self._note_planes(ensemble, judged)
        return DiagnosisFacts(
            id=diagnosis,
            request=self.request,
            labels=ensemble.labels,
            exams=tuple(opinions),
            weights={label: ensemble.weights_of(label, ensemble.planes_for(label)) for label in ensemble.labels},
            figures=measured,
            notes=tuple(self.notes),
            created=created,
        )

    def _note_planes(self, ensemble: Ensemble, judged: Sequence[ExamDiagnosis]) -> None:
        for plane in ensemble.planes:
            lacking = [one.exam.exam for one in judged if plane in one.missing]
            if lacking:
                self.notes.append(
                    f"{len(lacking)} of {len(judged)} exams have no {plane} scan and are judged by the planes they "
                    f"have: {some(lacking)}."
                )
        if self._unreadable:
            first, why = next(iter(self._unreadable.items()))
            self.notes.append(f"{len(self._unreadable)} scans could not be read and were left out; {first}: {why}")
        if len(ensemble.planes) < 2:
            return
        if self.request.weights is Weights.PUBLISHED:
            self.notes.insert(0, LEAK)
        elif self.request.weights is Weights.LEARNT:
            weighed: dict[int, list[str]] = {}
            for label in ensemble.labels:
                planes = ensemble.planes_for(label)
                counts = [ensemble.votes(label, plane) for plane in planes]
                if len(planes) > 1 and not all(counts):
                    self.notes.append(
                        f"The planes count alike for {label}: there are no exams with that label which the classifiers "
                        "kept from training ('held_out') to learn weights on."
                    )
                elif len(planes) > 1:
                    weighed.setdefault(min(counts), []).append(label)
            self.notes.extend(
                f"Planes are weighed for {', '.join(labels)} by what they got right of {count} "
                f"{'exam' if count == 1 else 'exams'} kept from training; an exam has no part in its own weights."
                for count, labels in weighed.items()
            )


def _write_features(method: Any, module: Any, scan: StudyScan, path: Path) -> None:
    """The mean feature of a scan's slices, to `path`."""
    import torch

    with torch.no_grad():
        _write(method.features(method.read(module, method.slices(scan))).float().mean(0).cpu().numpy(), path)


def _write(values: Any, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, values, allow_pickle=False)


def who_of(exam: ExamFacts) -> str:
    """Whose exam it is; one of nobody in particular is a subject of its own."""
    return exam.subject or exam.exam


def some(names: Sequence[str]) -> str:
    """The first three, and how many more."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
