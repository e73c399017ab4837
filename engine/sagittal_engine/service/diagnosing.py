"""The service's part for exams: which there are, what classifiers say of them, and how two diagnoses differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sagittal.diagnosis import DiagnosisFacts, DiagnosisRequest, ExamDiagnosis, ExamFacts
from sagittal.engine_port import SagittalError
from sagittal_engine import device
from sagittal_engine.kit.exams import exams_of
from sagittal_engine.service.base import ServiceBase
from sagittal_engine.service.diagnosis_tables import document, markdown, table_csv
from sagittal_engine.store.diagnosis_folder import diagnosis_folders, find_diagnosis, new_diagnosis
from sagittal_engine.store.run_folder import RunFolder, find_run
from sagittal_engine.tasks import Task

KIND = "diagnose"
CAPABILITY = "classifier"


class DiagnosisService(ServiceBase):
    """The part of `sagittal.engine_port.RunPort` that judges exams."""

    def exams(self) -> list[ExamFacts]:
        return exams_of(self._open().facts().scans)

    def start_diagnosis(self, request: DiagnosisRequest) -> str:
        study = self._open_for_writing()
        folders = [self._classifier(run) for run in dict.fromkeys(request.runs)]
        if not folders:
            raise SagittalError("A diagnosis takes at least one run of a classifier. Train one first.")
        if request.draws < 1:
            raise SagittalError(f"At least one draw of slices is looked at; got {request.draws}.")
        known = self.exams()
        unknown = sorted(set(request.exams) - {exam.exam for exam in known})
        if unknown:
            raise SagittalError(f"The study has no exam {', '.join(unknown[:3])}. `sagittal exams` lists those it has.")

        def work(task: Task) -> Mapping[str, Any]:
            from sagittal_engine.service.diagnosis_work import Work

            device.use_threads()
            name = str(device.resolve("auto"))
            waits = lambda: task.begin("Waiting for the device")  # noqa: E731
            with self._lanes.turn(name, task.id, boundary=task.boundary, waits=waits):
                folder = new_diagnosis(_root(study.path))
                created = datetime.now(UTC).isoformat(timespec="seconds")
                facts, exams = Work(study, self._registry, request, folders, known, task).done(folder.id, created)
                folder.write(facts, exams, {"table": markdown(facts), "csv": table_csv(exams)})
                return document(folder.facts(), exams)

        plural = "s" if len(folders) > 1 else ""
        return self._tasks.start(KIND, f"Diagnosis by {len(folders)} run{plural}", work)

    def _classifier(self, run: str) -> RunFolder:
        folder = find_run(self._open().runs_folder, run)
        facts = folder.facts()
        card = self._registry.card(facts.request.method)
        if CAPABILITY not in card.capabilities:
            raise SagittalError(
                f"Run {facts.run} is one of {card.title}, which does not judge exams. Choose runs of a classifier."
            )
        if not (folder.checkpoints / "last.pt").is_file():
            raise SagittalError(f"Run {facts.run} has no checkpoint yet. Let it train, or stop it with a checkpoint.")
        return folder

    def diagnoses(self) -> list[DiagnosisFacts]:
        return [folder.facts() for folder in diagnosis_folders(_root(self._open().path))]

    def diagnosed(self, diagnosis: str) -> list[ExamDiagnosis]:
        folder = find_diagnosis(_root(self._open().path), diagnosis)
        return [replace(one, slices=(), neighbours=()) for one in folder.exams()]

    def diagnosis(self, diagnosis: str, exam: str) -> ExamDiagnosis:
        folder = find_diagnosis(_root(self._open().path), diagnosis)
        found = folder.exam(exam)
        if found is None:
            raise SagittalError(f"The diagnosis {folder.id} does not have the exam '{exam}'.")
        return found

    def compare_diagnoses(self, one: str, other: str) -> Mapping[str, Any]:
        from sagittal_engine.evaluate.diagnosis_comparison import compared

        root = _root(self._open().path)
        first, second = find_diagnosis(root, one), find_diagnosis(root, other)
        opinions = [{exam.exam.exam: exam.opinions for exam in folder.exams()} for folder in (first, second)]
        try:
            labels = compared(*opinions)
        except ValueError as error:
            raise SagittalError(f"The diagnoses {first.id} and {second.id} cannot be compared: {error}") from error
        return {"diagnosis": first.id, "against": second.id, "labels": labels}


def _root(study: Path) -> Path:
    return Path(study) / "diagnoses"
