"""What the fake engine does with exams: knees in three planes, some torn, judged by made-up classifiers."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from fake_engine import FakeEngine
from fake_saliency import FakeSaliency

from sagittal.diagnosis import (
    DiagnosisFacts,
    DiagnosisRequest,
    ExamDiagnosis,
    ExamFacts,
    Neighbour,
    Opinion,
    SliceShare,
    Weights,
)
from sagittal.engine_port import SagittalError
from sagittal.facts import ImageLoan, ScanFacts, StudyFacts
from sagittal.method import MethodCard, Needs
from sagittal.params import TrainingParams, setting
from sagittal.run_request import RunRequest

LABELS = ("abnormal", "acl", "meniscus")
PLANES = ("sagittal", "coronal", "axial")
THICK = {"sagittal": 0, "coronal": 1, "axial": 2}
SLICES, SIDE = 20, 32
MISSING = {"K03": ("axial",), "K05": ("coronal", "axial")}
FIGURES = ("auc", "accuracy", "sensitivity", "specificity", "calibration_error")


class ClassifierParams(TrainingParams):
    """Parameters of the fake classifier."""

    plane: str = setting("sagittal", "Plane whose scans it judges.")
    labels: str = setting(", ".join(LABELS), "Labels it tells.")


CLASSIFY = MethodCard(
    name="knee_reader", title="Knee reader", summary="Tells labels of exams.", paper="Nobody, 2024",
    capabilities=("pretext", "classifier"), params=ClassifierParams, implementation="nowhere:Nothing", needs=Needs(),
)  # fmt: skip


class KneeEngine(FakeSaliency, FakeEngine):
    """A fake engine whose study holds exams in place of abdomens: eight, of which two lack planes."""

    def __init__(self, folder: Path, exams: int = 8, **more: Any) -> None:
        super().__init__(folder, scans=0, **more)
        self.cards.append(CLASSIFY)
        self._knees = exams

    @cached_property
    def _judged(self) -> dict[str, DiagnosisRequest]:
        """Diagnosis → its request, the oldest first."""
        return {}

    # The study

    def open_study(self, path: Path) -> StudyFacts:
        facts = super().open_study(path)
        scans = tuple(
            make_scan(number, plane)
            for number in range(1, self._knees + 1)
            for plane in PLANES
            if plane not in MISSING.get(exam_name(number), ())
        )
        self._facts = replace(facts, scans=scans)
        return self._facts

    def thumbnail(self, scan: str) -> np.ndarray[Any, Any]:
        return np.full((32, 32), 90, np.uint8)

    def image(self, scan: str) -> ImageLoan:
        facts = self.scan(scan)
        data = knee(int(facts.subject[1:]), THICK[facts.meta["plane"]])
        data.flags.writeable = False
        return ImageLoan(scan, data, np.diag([*facts.spacing, 1.0]), facts.spacing, (0.0, 255.0))

    # Runs and diagnoses

    def train(self, *planes: str, labels: str = ", ".join(LABELS)) -> list[str]:
        """Finished classifiers, one of each plane."""
        auto, self.auto = self.auto, False
        made = [
            self.start(RunRequest(method="knee_reader", parameters={"steps": 2, "plane": plane, "labels": labels}))
            for plane in planes
        ]
        self.finish_all()
        self.auto = auto
        return made

    def saliency_targets(self, run: str) -> list[str]:
        return list(LABELS)

    def exams(self) -> list[ExamFacts]:
        found: dict[str, ExamFacts] = {}
        for scan in self._open().scans:
            name = scan.meta["exam"]
            labels = {label: value for label, value in scan.meta.items() if label in LABELS}
            old = found.get(name, ExamFacts(name, scan.subject, {}, labels))
            found[name] = replace(old, planes={**old.planes, scan.meta["plane"]: scan.scan})
        return list(found.values())

    def start_diagnosis(self, request: DiagnosisRequest) -> str:
        self.calls.append(("start_diagnosis", request))
        if request.seed == 13:
            raise SagittalError("These runs share no label. Choose classifiers of the same labels.")
        return self._begin("diagnose", 8, request)

    def _end_diagnose(self, request: DiagnosisRequest) -> dict[str, Any]:
        name = f"d{len(self._judged) + 1}"
        self._judged[name] = request
        return {"id": name, "exams": list(self._asked_about(request))}

    def diagnoses(self) -> list[DiagnosisFacts]:
        return [self._facts_of(name) for name in reversed(self._judged)]

    def diagnosis(self, diagnosis: str, exam: str) -> ExamDiagnosis:
        request = self._judged[diagnosis]
        facts = next(one for one in self.exams() if one.exam == exam)
        others = [one for one in self.exams() if one.exam != exam]
        planes = self._planes(request)
        return ExamDiagnosis(
            exam=facts,
            opinions=tuple(_opinion(facts, label, planes, request) for label in LABELS),
            slices=tuple(
                SliceShare(plane, facts.planes[plane], index, label, _share(index, label))
                for plane in planes
                if plane in facts.planes
                for label in LABELS
                for index in sorted(range(2, SLICES - 2), key=lambda index: -_share(index, label))
            ),
            neighbours=tuple(Neighbour(one.exam, 0.97 - 0.03 * i, one.labels) for i, one in enumerate(others[:5])),
            missing=tuple(plane for plane in planes if plane not in facts.planes),
        )

    def diagnosed(self, diagnosis: str) -> list[ExamDiagnosis]:
        exams = self._asked_about(self._judged[diagnosis])
        return [replace(self.diagnosis(diagnosis, exam), slices=(), neighbours=()) for exam in exams]

    def compare_diagnoses(self, one: str, other: str) -> Mapping[str, Any]:
        better = {"difference": 0.031, "low": -0.01, "high": 0.072, "p": 0.14, "n": 7}
        nothing = {**better, **dict.fromkeys(("difference", "low", "high", "p"), float("nan"))}
        own = {"delong": nothing, "bootstrap": {"accuracy": better}}
        return {"diagnosis": one, "against": other, "labels": {"acl": own}}

    def _asked_about(self, request: DiagnosisRequest) -> tuple[str, ...]:
        """All but the first exam, which stands for those that were trained on."""
        return request.exams or tuple(exam.exam for exam in self.exams()[1:])

    def _planes(self, request: DiagnosisRequest) -> list[str]:
        known = {self._runs[run].facts.parameters["plane"] for run in request.runs}
        return [plane for plane in PLANES if plane in known]

    def _facts_of(self, name: str) -> DiagnosisFacts:
        request, file = self._judged[name], self.folder / f"{name}.csv"
        exams, planes = self._asked_about(request), self._planes(request)
        with file.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([("exam", "label", "probability"), ("K02", "acl", 0.5)])
        figures: dict[str, Mapping[str, float]] = {
            figure: {"mean": 0.9 - 0.05 * i, "low": 0.8 - 0.05 * i, "high": 0.95 - 0.02 * i, "n": len(exams)}
            for i, figure in enumerate(FIGURES)
        }
        nothing = dict.fromkeys(("mean", "low", "high"), float("nan"))
        return DiagnosisFacts(
            id=name,
            request=request,
            labels=LABELS,
            exams=exams,
            weights={label: {plane: 1 / len(planes) for plane in planes} for label in LABELS},
            figures={label: {**figures, **({"auc": nothing} if label == "abnormal" else {})} for label in LABELS},
            notes=("2 exams lack planes: K03 (axial), K05 (coronal, axial).",)
            + (("The weights are a leak.",) if request.weights is Weights.PUBLISHED else ()),
            created="2026-01-02T03:04:05+00:00",
            files={"csv": str(file), "table": str(file)},
        )


def exam_name(number: int) -> str:
    return f"K{number:02d}"


def truth(number: int, label: str) -> bool:
    return {"abnormal": number % 4 != 0, "acl": number % 3 == 0, "meniscus": number % 5 in (1, 3)}[label]


def make_scan(number: int, plane: str) -> ScanFacts:
    shape, spacing = [SIDE] * 3, [1.0] * 3
    shape[THICK[plane]], spacing[THICK[plane]] = SLICES, 4.0
    labels = {label: str(int(truth(number, label))) for label in LABELS}
    return ScanFacts(
        scan=f"{number:015x}{THICK[plane]}",
        name=f"{exam_name(number)} {plane}",
        subject=f"P{number:02d}",
        path=f"/knees/{number}_{plane}.nii.gz",
        kind="nifti",
        shape=(shape[0], shape[1], shape[2]),
        spacing=(spacing[0], spacing[1], spacing[2]),
        orientation="RAS",
        modality="MR",
        meta={"exam": exam_name(number), "plane": plane, "scanner": "AB"[number % 2], **labels},
    )


def knee(number: int, thick: int) -> np.ndarray[Any, Any]:
    """Two bright bones one over the other in a grey limb; float32."""
    shape = [SIDE] * 3
    shape[thick] = SLICES
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    limb = 60.0 * (x**2 + y**2 < 0.7)
    bones = 150.0 * ((x**2 + y**2 < 0.35) & (np.abs(z) > 0.12))
    noise = np.random.default_rng(number).normal(0, 6, limb.shape)
    return np.clip(limb + bones + noise, 0, 255).astype(np.float32)


def _share(index: int, label: str) -> float:
    """Largest a little behind the middle, at another place for each label; below zero at the ends."""
    return float(0.8 - 0.15 * abs(index - 9 - LABELS.index(label)))


def _opinion(exam: ExamFacts, label: str, planes: list[str], request: DiagnosisRequest) -> Opinion:
    """Right but for the meniscus of K04; unsure where the number of the exam is even."""
    number = int(exam.exam[1:])
    rng = np.random.default_rng([number, LABELS.index(label), request.seed])
    known = label in exam.labels
    right = known and exam.labels[label] == "1"
    sure = 0.05 if number % 2 else 0.3
    middle = (
        (1 - sure if right else sure) if (exam.exam, label) != ("K04", "meniscus") else (sure if right else 1 - sure)
    )
    there = [plane for plane in planes if plane in exam.planes]
    drawn = {
        plane: tuple(np.clip(middle + 0.08 * i + rng.normal(0, 0.06, request.draws), 0.01, 0.99).tolist())
        for i, plane in enumerate(there)
    }
    draws = np.mean(list(drawn.values()), axis=0) if drawn else np.full(request.draws, 0.5)
    return Opinion(
        label=label,
        probability=float(draws.mean()),
        low=float(np.quantile(draws, 0.025)),
        high=float(np.quantile(draws, 0.975)),
        draws=tuple(draws.tolist()),
        planes=drawn,
        weights={plane: 1 / len(there) for plane in there},
        truth=right if known else None,
    )
