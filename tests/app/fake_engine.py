"""An `EnginePort` in memory, for widget tests: a few synthetic scans, and work that advances each time events are read.

There is no thread: every call of `events()` is one tick of every running task. `speed` says how many steps a run makes
per tick; with `auto=False` nothing moves until `tick()` is called.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from fake_care import FakeCare
from fake_comparing import FakeComparing
from fake_exams import FakeExams
from fake_looking import FakeLooking
from fake_plugins import FakePlugins
from fake_review import FakeReview
from fake_tables import FakeTables
from fake_world import (
    CONTRAST,
    CURVATURE,
    EPISODES,
    MEASURES,
    ORGANS,
    SHAPE,
    label_table,
    make_image,
    make_labels,
    make_map,
    make_previews,
    make_scan,
    make_spectrum,
    task_facts,
)

from sagittal.engine_port import SagittalError
from sagittal.events import (
    CheckpointSaved,
    Event,
    MessageRaised,
    MetricsChunk,
    PreviewReady,
    Reason,
    RunFinished,
    SpectrumComputed,
    State,
    StateChanged,
    StepProgress,
    StudyChanged,
    TaskFinished,
    TaskProgress,
)
from sagittal.facts import (
    Check,
    Edit,
    EvaluateRequest,
    ImageLoan,
    Label,
    LabelLoan,
    LabelSetFacts,
    Recovery,
    ScanFacts,
    SegmentRequest,
    SpectrumRequest,
    StudyFacts,
    SupportPlan,
)
from sagittal.measure import MeasureCard
from sagittal.method import MethodCard
from sagittal.outbox import Outbox
from sagittal.params import make
from sagittal.probe import ProbeCard
from sagittal.run_record import RunFacts, RunRecord, RunState
from sagittal.run_request import RunRequest


@dataclass
class _Work:
    """A run or task that advances by ticks."""

    id: str
    kind: str
    total: int
    done: int = 0
    paused: bool = False
    ends: Reason | None = None
    payload: Any = None
    started: bool = False


@dataclass
class _Run:
    facts: RunFacts
    state: RunState
    metrics: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)
    previews: list[dict[str, Any]] = field(default_factory=list)
    evaluations: list[dict[str, Any]] = field(default_factory=list)


class FakeEngine(FakeReview, FakeTables, FakeLooking, FakeComparing, FakeExams, FakeCare, FakePlugins):
    """See the module's docstring. `calls` lists (name, arguments) of everything that changed something."""

    def __init__(self, folder: Path, scans: int = 4, *, auto: bool = True, speed: int = 5) -> None:
        FakeCare.__init__(self)
        FakePlugins.__init__(self)
        self.folder = folder
        self.auto = auto
        self.speed = speed
        self.outbox = Outbox()
        self.calls: list[tuple[str, Any]] = []
        self.cards: list[MethodCard] = [EPISODES, CONTRAST]
        self.probe_cards: list[ProbeCard] = [CURVATURE]
        self.measure_cards: list[MeasureCard] = list(MEASURES)
        self.problems: dict[str, str] = {}
        self.left_over: list[Recovery] = []
        self.slow: float = 0.0
        """Seconds that every slow call takes."""
        self.export_result: dict[str, Any] = {}
        """What the next exports' results say instead."""
        self.warmed = False
        self.closed = False
        self._facts: StudyFacts | None = None
        self._count = scans
        self._removed: dict[str, ScanFacts] = {}
        self._saved: dict[tuple[str, str], np.ndarray[Any, Any]] = {}
        self._edits: dict[tuple[str, str], list[Edit]] = {}
        self._plans: dict[tuple[str, str], SupportPlan] = {}
        self._work: dict[str, _Work] = {}
        self._runs: dict[str, _Run] = {}
        self._ids = 0

    # The study

    def new_study(self, path: Path) -> StudyFacts:
        path.mkdir(parents=True, exist_ok=True)
        self._facts = StudyFacts(str(path), path.name, ())
        return self._facts

    def open_study(self, path: Path) -> StudyFacts:
        time.sleep(self.slow)
        self.refuse_damaged(path)
        if "missing" in path.name:
            raise SagittalError(f"There is no study at {path}. Choose a folder that holds study.sqlite.")
        scans = tuple(make_scan(i) for i in range(1, self._count + 1))
        self._facts = StudyFacts(str(path), path.name, scans)
        return self._facts

    def close_study(self) -> None:
        self._facts = None

    def set_preference(self, name: str, value: str) -> None:
        self.calls.append(("set_preference", (name, value)))
        self._facts = replace(self._open(), preferences={**self._open().preferences, name: value})
        self.outbox.post(StudyChanged("study", "preferences"))

    def study(self) -> StudyFacts | None:
        return self._facts

    def scan(self, scan: str) -> ScanFacts:
        for row in self._open().scans:
            if row.scan == scan:
                return row
        raise SagittalError(f"There is no scan '{scan}' in this study.")

    def thumbnail(self, scan: str) -> np.ndarray[Any, Any]:
        time.sleep(self.slow)
        image = make_image(int(scan, 16))[::-1, ::-1, SHAPE[2] // 2].T
        return np.clip(image * 0.6, 0, 255).astype(np.uint8)

    def image(self, scan: str) -> ImageLoan:
        time.sleep(self.slow)
        data = make_image(int(scan, 16))
        data.flags.writeable = False
        affine = np.diag([2.0, 2.0, 7.0, 1.0])
        affine[:3, 3] = (-48.0, -40.0, -42.0)
        return ImageLoan(scan, data, affine, (2.0, 2.0, 7.0), (0.0, 400.0))

    def labels(self, scan: str, label_set: str) -> LabelLoan:
        time.sleep(self.slow)
        facts = self.scan(scan)
        named = next((s for s in facts.label_sets if s.name == label_set), None)
        data = self._saved.get((scan, label_set))
        if data is None:
            data = make_labels(int(scan, 16)) if named else np.zeros(SHAPE, np.uint16)
        saved, data = data, data.copy()
        edits = self._edits.get((scan, label_set), [])
        for edit in edits:
            data.ravel()[edit.indices] = edit.after
        return LabelLoan(scan, label_set, data, named.labels if named else label_table(), len(edits), saved)

    def record_edit(self, scan: str, label_set: str, edit: Edit) -> None:
        self.calls.append(("record_edit", (scan, label_set, edit)))
        self._edits.setdefault((scan, label_set), []).append(edit)

    def save_labels(
        self, scan: str, label_set: str, data: np.ndarray[Any, Any], labels: Sequence[Label], review: str | None = None
    ) -> None:
        self.calls.append(("save_labels", (scan, label_set, review)))
        self._saved[scan, label_set] = data.copy()
        self._edits.pop((scan, label_set), None)
        old = next((s for s in self.scan(scan).label_sets if s.name == label_set), None)
        new = (
            replace(old, labels=tuple(labels)) if old else LabelSetFacts(label_set, tuple(labels), {"kind": "painted"})
        )
        self._put_set(scan, replace(new, review=review or new.review))

    def set_label_table(self, label_set: str, labels: Sequence[Label]) -> None:
        self.calls.append(("set_label_table", (label_set, tuple(labels))))
        for row in self._open().scans:
            for one in row.label_sets:
                if one.name == label_set:
                    self._put_set(row.scan, replace(one, labels=tuple(labels)))

    def set_review(self, scan: str, label_set: str, review: str) -> None:
        self.calls.append(("set_review", (scan, label_set, review)))
        one = next(s for s in self.scan(scan).label_sets if s.name == label_set)
        self._put_set(scan, replace(one, review=review))

    def recoveries(self) -> list[Recovery]:
        return list(self.left_over)

    def support_plans(self, scan: str | None = None) -> list[SupportPlan]:
        return [plan for plan in self._plans.values() if scan in (None, plan.scan)]

    def set_support_plan(self, plan: SupportPlan) -> None:
        self.calls.append(("set_support_plan", plan))
        self._plans[plan.scan, plan.label] = plan

    def propose_support_slices(self, first: int, last: int) -> tuple[int, ...]:
        span = last - first + 1
        return tuple(first + int(span * share) for share in (1 / 6, 3 / 6, 5 / 6))

    def set_meta(self, scan: str, values: Mapping[str, str]) -> None:
        self.calls.append(("set_meta", (scan, dict(values))))
        self._put(replace(self.scan(scan), meta={**self.scan(scan).meta, **values}))

    def remove_scans(self, scans: Sequence[str]) -> None:
        self.calls.append(("remove_scans", tuple(scans)))
        facts = self._open()
        self._removed.update({row.scan: row for row in facts.scans if row.scan in scans})
        self._set_scans(row for row in facts.scans if row.scan not in scans)

    def restore_scans(self, scans: Sequence[str]) -> None:
        self.calls.append(("restore_scans", tuple(scans)))
        self._set_scans((*self._open().scans, *(self._removed.pop(scan) for scan in scans)))

    def start_export(
        self, label_set: str, format: str, out: Path, scans: Sequence[str] = (), *, make_series: str = ""
    ) -> str:
        self.calls.append(("start_export", (label_set, format, out, tuple(scans), make_series)))
        return self._begin("export", 5, (label_set, out, tuple(scans)))

    # Runs and tasks

    def methods(self) -> list[MethodCard]:
        return list(self.cards)

    def method_problems(self) -> dict[str, str]:
        return dict(self.problems)

    def probes(self) -> list[ProbeCard]:
        return list(self.probe_cards)

    def measures(self) -> list[MeasureCard]:
        return list(self.measure_cards)

    def check(self, request: RunRequest) -> list[Check]:
        card = self._card(request.method)
        scans = request.scans or tuple(row.scan for row in self._open().scans)
        enough = len(scans) >= card.needs.scans
        lines = [Check(enough, f"{len(scans)} scans chosen; the method needs {card.needs.scans}.", blocking=not enough)]
        bare = [s for s in scans if not self.scan(s).label_sets]
        if card.needs.labels:
            text = "Every scan has labels." if not bare else f"{len(bare)} scans have no labels."
            lines.append(Check(not bare, text))
        return lines

    def start(self, request: RunRequest) -> str:
        blocking = [line.text for line in self.check(request) if line.blocking]
        if blocking:
            raise SagittalError(" ".join(blocking))
        card = self._card(request.method)
        recipe = next((r for r in card.recipes if r.name == request.recipe), None)
        values = make(card.params, {**(recipe.values if recipe else {}), **request.parameters})
        run = self._begin("run", request.stop_at if request.stop_at is not None else values.steps)
        scans = request.scans or tuple(row.scan for row in self._open().scans)
        self._runs[run] = _Run(
            RunFacts(
                run=run,
                folder=f"20260102-030405_{card.name}_{run}",
                request=request,
                parameters=values.model_dump(),
                scans=scans,
                data_fingerprint="0" * 64,
                created="2026-01-02T03:04:05+00:00",
                versions={"sagittal": "0.1.0"},
                device="cpu",
            ),
            RunState(state=State.QUEUED, steps=values.steps, stop_at=self._work[run].total),
        )
        self.calls.append(("start", request))
        return run

    def resume(self, run: str, stop_at: int | None = None) -> str:
        self.calls.append(("resume", (run, stop_at)))
        record = self._runs[run]
        self._work[run] = _Work(run, "run", stop_at or record.state.steps, done=record.state.step)
        return run

    def request_pause(self, source: str) -> None:
        self.calls.append(("request_pause", source))
        self._work[source].paused = True
        self._post_state(self._work[source], State.PAUSED)

    def request_continue(self, source: str) -> None:
        self.calls.append(("request_continue", source))
        self._work[source].paused = False
        self._post_state(self._work[source], State.RUNNING)

    def request_measuring(self, source: str, on: bool) -> None:
        self.calls.append(("request_measuring", (source, on)))

    def request_stop(self, source: str) -> None:
        self.calls.append(("request_stop", source))
        self._work[source].ends = Reason.STOPPED

    def request_cancel(self, source: str) -> None:
        self.calls.append(("request_cancel", source))
        self._work[source].ends = Reason.CANCELLED

    def runs(self) -> list[RunRecord]:
        return [self.run(run).model_copy(update={"metrics": {}}) for run in reversed(self._runs)]

    def run(self, run: str) -> RunRecord:
        kept = self._runs[run]
        resumable = kept.state.state == State.FINISHED and kept.state.step < kept.state.steps
        return RunRecord(
            facts=kept.facts,
            state=kept.state,
            metrics={name: (list(s), list(v)) for name, (s, v) in kept.metrics.items()},
            previews=list(kept.previews),
            evaluations=list(kept.evaluations),
            checkpoints=["last", "best", "10"] if kept.state.step else [],
            resumable=resumable,
        )

    def start_segmentation(self, request: SegmentRequest) -> str:
        self.calls.append(("start_segmentation", request))
        return self._begin("segment", 6, request)

    def start_evaluation(self, request: EvaluateRequest) -> str:
        self.calls.append(("start_evaluation", request))
        return self._begin("evaluate", 6, request)

    def start_spectrum(self, request: SpectrumRequest) -> str:
        self.calls.append(("start_spectrum", request))
        return self._begin("spectrum", 6, request)

    def start_embedding(
        self, run: str, *, checkpoint: str = "last", parameters: Mapping[str, Any] | None = None
    ) -> str:
        self.calls.append(("start_embedding", (run, checkpoint, dict(parameters or {}))))
        return self._begin("embedding", 6, (run, checkpoint))

    def device_line(self) -> str:
        return "CPU, 2 cores · 1.2 of 23 GB"

    def doctor(self) -> list[dict[str, Any]]:
        return [
            {"check": "PyTorch", "ok": True, "found": "2.13", "advice": ""},
            {"check": "GPU", "ok": False, "found": "none", "advice": "The CPU is used."},
        ]

    def events(self) -> list[Event]:
        if self.auto:
            self.tick()
        return self.outbox.drain()

    def warm_up(self) -> None:
        time.sleep(self.slow)
        self.warmed = True

    def shut_down(self) -> None:
        self.closed = True

    # How work advances

    def tick(self) -> None:
        """Advances every running piece of work by one tick."""
        for work in list(self._work.values()):
            if not work.started:
                work.started = True
                self._post_state(work, State.PREPARING)
                self._post_state(work, State.RUNNING)
            if work.ends is None and not work.paused:
                (self._step_run if work.kind == "run" else self._step_task)(work)
            if work.ends is None and work.done >= work.total:
                work.ends = Reason.COMPLETED
            if work.ends is not None:
                del self._work[work.id]
                self._finish(work)

    def finish_all(self, ticks: int = 1000) -> None:
        """Ticks until nothing is left to do."""
        for _ in range(ticks):
            if not self._work:
                return
            self.tick()

    def fail(self, source: str, error: str = "The loss is not a number.", detail: str = "Traceback …") -> None:
        """Ends a run or task as failed."""
        self._finish(self._work.pop(source), Reason.FAILED, error, detail)

    def abandon(self, run: str) -> None:
        """Leaves a run as a killed program would."""
        self._work.pop(run, None)
        kept = self._runs[run]
        kept.state = kept.state.model_copy(update={"state": State.FINISHED, "reason": Reason.ENDED_WITH_PROGRAM})

    def working(self) -> list[str]:
        return list(self._work)

    def _begin(self, kind: str, total: int, payload: Any = None) -> str:
        self._ids += 1
        work = _Work(f"{kind}{self._ids}", kind, total, payload=payload)
        self._work[work.id] = work
        self._post_state(work, State.QUEUED)
        return work.id

    def _post_state(self, work: _Work, state: State) -> None:
        titles = {"run": "Episodes", "import": "Import", "segment": "Segmentation", "evaluate": "Evaluation"}
        self.outbox.post(StateChanged(work.id, state, titles.get(work.kind, work.kind.title()), work.kind))
        if work.id in self._runs:
            self._update(work.id, state=state)

    def _update(self, run: str, **values: Any) -> None:
        kept = self._runs[run]
        kept.state = kept.state.model_copy(update=values)

    def _step_run(self, work: _Work) -> None:
        kept = self._runs[work.id]
        steps = range(work.done + 1, min(work.total, work.done + self.speed) + 1)
        rng = np.random.default_rng(work.done)
        series = {
            "loss_query": tuple(float(2 / (1 + s / 20) + 0.1 * rng.random()) for s in steps),
            "loss_ccr": tuple(float(1 / (1 + s / 30) + 0.1 * rng.random()) for s in steps),
            "dice": tuple(float(1 - 1 / (1 + s / 15) + 0.05 * rng.random()) for s in steps),
            "gate": tuple(float(s % 3 > 0) for s in steps),
        }
        for name, values in series.items():
            kept_steps, kept_values = kept.metrics.setdefault(name, ([], []))
            kept_steps.extend(steps)
            kept_values.extend(values)
        work.done += len(steps)
        self.outbox.post(MetricsChunk(work.id, {name: (tuple(steps), values) for name, values in series.items()}))
        left = (work.total - work.done) / 10
        self.outbox.post(StepProgress(work.id, work.done, work.total, 10.0, left, 300_000_000, "cpu"))
        self._update(work.id, step=work.done, seconds=work.done / 10)
        if work.done % 10 == 0:
            self._publish_previews(work.id, work.done)
            self.outbox.post(CheckpointSaved(work.id, work.done, "checkpoints/last"))

    def _publish_previews(self, run: str, step: int) -> None:
        rows = make_previews(self.folder / "previews" / run, step)
        self._runs[run].previews.extend(rows)
        for row in rows:
            if row["panel"] == "spectrum":
                self.outbox.post(SpectrumComputed(run, step, row["path"]))
            else:
                self.outbox.post(PreviewReady(run, row["panel"], step, row["path"], row["caption"]))

    def _step_task(self, work: _Work) -> None:
        work.done += 1
        self.outbox.post(TaskProgress(work.id, work.done, work.total, f"Item {work.done} of {work.total}", 6.0))
        self.tell_comparison(work)

    def _finish(self, work: _Work, reason: Reason | None = None, error: str = "", detail: str = "") -> None:
        reason = reason or work.ends or Reason.COMPLETED
        if work.kind == "run":
            self._update(work.id, state=State.FINISHED, reason=reason, error=error, detail=detail)
            if error:
                self.outbox.post(MessageRaised(work.id, "error", error, detail))
            self.outbox.post(StateChanged(work.id, State.FINISHED, "Episodes", "run"))
            self.outbox.post(RunFinished(work.id, reason, work.done, error, detail))
            self.outbox.post(StudyChanged(work.id, "runs"))
            return
        result: Mapping[str, Any] = {}
        if reason is Reason.COMPLETED:
            result = getattr(self, f"_end_{work.kind}")(work.payload)
        self.outbox.post(StateChanged(work.id, State.FINISHED, "", work.kind))
        self.outbox.post(TaskFinished(work.id, work.kind, reason, result, error, detail))
        self.tell_comparison(work)

    def _end_import(self, paths: tuple[Path, ...]) -> dict[str, Any]:
        facts = self._open()
        good = [p for p in paths if p.suffix != ".txt"]
        new = [make_scan(len(facts.scans) + 1 + i) for i, _ in enumerate(good)]
        if new:
            new[-1] = replace(new[-1], warnings=("qform and sform differ; the sform is used.",))
        self._set_scans((*facts.scans, *new))
        imported = [
            {
                "scan": row.scan,
                "path": str(path),
                "files": [str(path)],
                "kind": row.kind,
                "shape": list(row.shape),
                "spacing": list(row.spacing),
                "orientation": row.orientation,
                "labels": [{"set": "truth", "labels": [{"number": x.number, "name": x.name} for x in label_table()]}],
                "warnings": list(row.warnings),
            }
            for row, path in zip(new, good, strict=True)
        ]
        bad = [{"path": str(p), "reason": "This is text, not an image."} for p in paths if p.suffix == ".txt"]
        return {"imported": imported, "refused": bad}

    def _end_export(self, payload: tuple[str, Path, tuple[str, ...]]) -> dict[str, Any]:
        files = {"files": [str(payload[1] / f"{payload[0]}.nii.gz")], "verified": True, "differences": []}
        return {**files, "refused": []} | self.export_result

    def _end_evaluate(self, request: EvaluateRequest) -> dict[str, Any]:
        scans = request.scans or tuple(row.scan for row in self._open().scans)
        figures = {f"dice_{name}": 0.7 - 0.05 * i for i, name in enumerate(ORGANS)}
        figures["dice_mean"] = sum(figures.values()) / len(figures)
        if request.task != "one-shot":
            figures = {"accuracy": 0.8}
        document = {
            "task": request.task,
            **(task_facts(request) if request.task != "one-shot" else {}),
            "protocol": request.protocol,
            "cases": [{"scan": scan, **figures} for scan in scans],
            "summary": {
                name: {"mean": v, "low": v - 0.042, "high": v + 0.042, "n": len(scans)} for name, v in figures.items()
            },
        }
        if request.run in self._runs:
            self._runs[request.run].evaluations.append(document)
        return document

    def _end_spectrum(self, request: SpectrumRequest) -> dict[str, Any]:
        usual = (request.matrix, request.batch_norm) == ("hessian", "train")
        panel = "spectrum" if usual else f"spectrum {request.matrix} {request.batch_norm}"
        document = make_spectrum(steps=request.steps, probes=request.probes, matrix=request.matrix)
        return self._keep_document(request.run, request.checkpoint, panel, document)

    def _end_embedding(self, payload: tuple[str, str]) -> dict[str, Any]:
        return self._keep_document(*payload, "embedding", make_map())

    def _keep_document(self, run: str, checkpoint: str, panel: str, document: dict[str, Any]) -> dict[str, Any]:
        kept = self._runs[run]
        step = int(checkpoint) if checkpoint.isdecimal() else kept.state.step
        path = self.folder / "previews" / run / f"{panel.replace(' ', '_')}_asked_{step}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        kept.previews[:] = [row for row in kept.previews if (row["panel"], row["step"]) != (panel, step)]
        kept.previews.append({"panel": panel, "step": step, "path": str(path), "caption": ""})
        self.outbox.post(PreviewReady(run, panel, step, str(path), ""))
        self.outbox.post(StudyChanged(run, "runs"))
        return {**document, "run": run, "step": step}

    def _card(self, name: str) -> MethodCard:
        return next(card for card in self.cards if card.name == name)

    def _open(self) -> StudyFacts:
        if self._facts is None:
            raise SagittalError("No study is open. Open or make one first.")
        return self._facts

    def _set_scans(self, scans: Any) -> None:
        self._facts = replace(self._open(), scans=tuple(scans))
        self.outbox.post(StudyChanged("study", "scans"))

    def _put(self, scan: ScanFacts) -> None:
        self._set_scans(scan if row.scan == scan.scan else row for row in self._open().scans)

    def _put_set(self, scan: str, label_set: LabelSetFacts) -> None:
        row = self.scan(scan)
        others = tuple(one for one in row.label_sets if one.name != label_set.name)
        scans = (replace(r, label_sets=(*others, label_set)) if r.scan == scan else r for r in self._open().scans)
        self._facts = replace(self._open(), scans=tuple(scans))
        self.outbox.post(StudyChanged("study", "labels", (scan,)))
