"""A small engine in memory, and a way to run commands on it and to look at what they print."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sagittal.engine_port import SagittalError
from sagittal.events import (
    Event,
    MessageRaised,
    MetricsChunk,
    Reason,
    RunFinished,
    State,
    StepProgress,
    TaskFinished,
    TaskProgress,
)
from sagittal.facts import (
    Check,
    EvaluateRequest,
    ForeignMethod,
    Label,
    LabelSetFacts,
    OtherGrid,
    Resampled,
    ScanFacts,
    SegmentRequest,
    SpectrumRequest,
    StudyFacts,
    SupportPlan,
)
from sagittal.method import MethodCard, Recipe
from sagittal.params import TrainingParams, setting
from sagittal.run_record import RunFacts, RunRecord, RunState
from sagittal.run_request import RunRequest
from sagittal_engine.cli import main


class PlainParams(TrainingParams):
    steps: int = setting(4, "Steps the schedule is made for.", ge=0, unit="steps")
    temperature: float = setting(0.5, "Divides similarities.", gt=0, le=10)


CARD = MethodCard(
    name="plain",
    title="Plain",
    summary="A method for tests.",
    paper="None",
    capabilities=("pretext", "segmenter"),
    params=PlainParams,
    implementation="nowhere:Nothing",
    recipes=(Recipe("quick", "Quick", {"steps": 2}),),
)
ORGANS = (Label(1, "liver", "#E69F00"), Label(4, "spleen", "#F0E442"))
SCANS = tuple(
    ScanFacts(
        scan=f"{letter}{'0' * 15}",
        name=f"image_{n}.nii.gz",
        subject=f"S{n}",
        path=f"/scans/image_{n}.nii.gz",
        kind="nifti",
        shape=(32, 32, 9),
        spacing=(2.0, 2.0, 7.0),
        orientation="LAS",
        label_sets=(LabelSetFacts("truth", ORGANS),),
    )
    for n, letter in enumerate("abc", start=1)
)


class Engine:
    """The parts of `EnginePort` that commands call. Work ends when its events are read."""

    def __init__(self) -> None:
        self.facts: StudyFacts | None = None
        self.read_only = False
        self.records: dict[str, RunRecord] = {}
        self.cards = [CARD]
        self.requests: list[Any] = []
        self.results: dict[str, Mapping[str, Any]] = {}
        self.endings: dict[str, TaskFinished | RunFinished] = {}
        self.interrupts = 0
        self.asked: list[str] = []
        self.tables: dict[str, tuple[Label, ...]] = {}
        self.plans: dict[tuple[str, str], SupportPlan] = {}
        self.closed = 0
        self._posted: list[Event] = []

    def new_study(self, path: Path) -> StudyFacts:
        self.facts = StudyFacts(str(path), path.name, ())
        return self.facts

    def open_study(self, path: Path) -> StudyFacts:
        if path.name == "missing":
            raise SagittalError(f"There is no study at {path}.")
        why = "It is open in another Sagittal." if self.read_only else ""
        self.facts = StudyFacts(str(path), path.name, SCANS, self.read_only, why)
        return self.facts

    def study(self) -> StudyFacts | None:
        return self.facts

    def methods(self) -> list[MethodCard]:
        return self.cards

    def method_problems(self) -> dict[str, str]:
        return {}

    def foreign_methods(self) -> list[ForeignMethod]:
        return []

    def trust_method(self, name: str) -> None:
        raise SagittalError(f"No method '{name}' waits for trust.")

    def check(self, request: RunRequest) -> list[Check]:
        return [Check(True, "Three scans.")]

    def _task(self, kind: str, request: Any) -> str:
        self.requests.append(request)
        self._posted.append(TaskProgress(f"t-{kind}", 1, 2, "half way"))
        default = TaskFinished(f"t-{kind}", kind, Reason.COMPLETED, self.results.get(kind, {}))
        self._posted.append(self.endings.get(kind, default))
        return f"t-{kind}"

    def start_look(self, paths: Sequence[Path], *, labels: Sequence[Path] = (), layout: str = "auto") -> str:
        return self._task("look", tuple(paths))

    def resampled(self, found: OtherGrid) -> Resampled:
        plane = np.full((40, 60, 3), 80, np.uint8)
        return Resampled((plane,) * 3, ("RLAP", "RLSI", "APSI"), ((Label(1, "liver", "#E69F00"), 1500.0, 1498.0),))

    def patient(self, file: Path) -> str:
        return f"Nobody of {file.name}"

    def start_import(
        self,
        paths: Sequence[Path],
        *,
        labels: Sequence[Path] = (),
        meta: Path | None = None,
        layout: str = "auto",
        resample: Sequence[Path] | None = None,
    ) -> str:
        self.resample = resample
        return self._task("import", (tuple(paths), tuple(labels), meta, layout))

    def start_export(
        self, label_set: str, format: str, out: Path, scans: Sequence[str] = (), *, make_series: str = ""
    ) -> str:
        return self._task("export", (label_set, format, out, tuple(scans), make_series))

    def label_table(self, label_set: str) -> tuple[Label, ...]:
        return self.tables.get(label_set, ORGANS if label_set in ("truth", "painted") else ())

    def read_label_table(self, path: Path) -> tuple[Label, ...]:
        return (Label(4, "Milz", "#000001"),)

    def merge_label_table(self, label_set: str, labels: Sequence[Label]) -> tuple[Label, ...]:
        self.tables[label_set] = (ORGANS[0], *(row for row in labels if row.number != ORGANS[0].number))
        return ORGANS

    def write_label_table(self, label_set: str, path: Path) -> None:
        path.write_text("".join(row.name for row in self.label_table(label_set)))

    def support_plans(self, scan: str | None = None) -> list[SupportPlan]:
        return [plan for plan in self.plans.values() if scan in (None, plan.scan)]

    def set_support_plan(self, plan: SupportPlan) -> None:
        self.plans[plan.scan, plan.label] = plan

    def propose_support_slices(self, first: int, last: int) -> tuple[int, ...]:
        return (first, (first + last) // 2, last)

    def start_review_table(self, label_set: str, out: Path, scans: Sequence[str] = ()) -> str:
        return self._task("table", (label_set, out, tuple(scans)))

    def set_review(self, scan: str, label_set: str, review: str) -> None:
        self.requests.append(("review", scan, label_set, review))

    def start_segmentation(self, request: SegmentRequest) -> str:
        return self._task("segment", request)

    def start_evaluation(self, request: EvaluateRequest) -> str:
        return self._task("evaluate", request)

    def start_embedding(
        self, run: str, *, checkpoint: str = "last", parameters: Mapping[str, Any] | None = None
    ) -> str:
        return self._task("embedding", (run, checkpoint, parameters))

    def start_spectrum(self, request: SpectrumRequest) -> str:
        return self._task("spectrum", request)

    def start(self, request: RunRequest) -> str:
        self.requests.append(request)
        return self._run(f"{len(self.records):04x}-run", request)

    def resume(self, run: str, stop_at: int | None = None) -> str:
        self.requests.append((run, stop_at))
        return self._run(run, self.records[run].facts.request)

    def _run(self, run: str, request: RunRequest) -> str:
        ending = self.endings.get("run", RunFinished(run, Reason.COMPLETED, 2))
        facts = RunFacts(
            run=run,
            folder=f"2026_plain_{run}",
            request=request,
            parameters={"steps": 4, "temperature": 0.5, **request.parameters},
            scans=request.scans or tuple(scan.scan for scan in SCANS),
            data_fingerprint="f",
            created=f"2026-01-01T00:00:0{len(self.records)}",
            versions={},
            device="cpu",
        )
        state = RunState(state=State.FINISHED, reason=ending.reason, step=2, steps=4, stop_at=2)
        self.records[run] = RunRecord(facts=facts, state=state, metrics={"a_loss": ([1, 2], [1.0, float("nan")])})
        self._posted += [
            StepProgress(run, 1, 4, 10.0, 0.3, 0, "cpu"),
            MetricsChunk(run, {"a_loss": ((1,), (1.0,))}),
            MessageRaised(run, "warning", "It is a test."),
            RunFinished("another run", Reason.FAILED, 0, "not ours"),
            RunFinished(run, ending.reason, 2, ending.error, ending.detail),
        ]
        return run

    def request_stop(self, source: str) -> None:
        self.asked.append(f"stop {source}")

    def request_cancel(self, source: str) -> None:
        self.asked.append(f"cancel {source}")

    def runs(self) -> list[RunRecord]:
        return [record.model_copy(update={"metrics": {}}) for record in reversed(self.records.values())]

    def run(self, run: str) -> RunRecord:
        return self.records[run]

    def events(self) -> list[Event]:
        if self.interrupts:
            self.interrupts -= 1
            raise KeyboardInterrupt
        posted, self._posted = self._posted, []
        return posted

    def shut_down(self) -> None:
        self.closed += 1


@dataclass
class Ran:
    """What one command gave."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass
class Line:
    """Runs command lines on one fake engine."""

    engine: Engine
    read: Callable[[], Any]
    window: Callable[[Path], int] | None = None
    printed: list[str] = field(default_factory=list)

    def __call__(self, *words: object) -> Ran:
        status = main([str(word) for word in words], make_engine=lambda: self.engine, open_window=self.window)
        captured = self.read()
        return Ran(status, captured.out, captured.err)


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    """`line("scans", "study", "--json")` runs a command and gives status, standard output and standard error."""
    monkeypatch.setenv("SAGITTAL_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Line(Engine(), capsys.readouterr)
