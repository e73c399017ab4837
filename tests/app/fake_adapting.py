"""What the fake engine does with adaptation: every tick of its task adapts to one scan more, some for the better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fake_engine import FakeEngine
from fake_world import ORGANS, label_table, make_labels

from sagittal.engine_port import SagittalError
from sagittal.events import MetricsChunk, Reason, State, StudyChanged
from sagittal.facts import AdaptRequest, Check, LabelLoan, LabelSetFacts
from sagittal.method import MethodCard, Needs, Recipe
from sagittal.panels import Lines
from sagittal.params import Params, TrainingParams, make, setting
from sagittal.run_record import Adapted, RunRecord, RunState
from sagittal.run_request import RunRequest

MOVED = (("dice", (0.71, 0.76)), ("dice", (0.8, 0.801)), ("dice", (0.74, 0.52)))
"""What becomes of one scan after the other: helped, unmoved, harmed; then round again."""
REASON = "The image is too small for this network."


class NetParams(TrainingParams):
    """Parameters of the fake network."""

    norm: str = setting("batch", "Normalisation.", choices={"batch": "Of the batch.", "instance": "Of the image."})


class MoverParams(Params):
    """Parameters of the fake adapter."""

    learning_rate: float = setting(1e-4, "Step size.", gt=0, le=10)
    norms: str = setting("batch", "What is moved.", choices={"batch": "Batch normalisations.", "every": "All."})


NET = MethodCard(
    name="net", title="Net", summary="Segments by itself.", paper="Nobody, 2024", capabilities=("pretext", "predictor"),
    params=NetParams, implementation="nowhere:Nothing", needs=Needs(),
)  # fmt: skip
MOVER = MethodCard(
    name="mover", title="Mover", summary="Moves scales and shifts.", paper="Nobody, 2024", capabilities=("adapter",),
    params=MoverParams, implementation="nowhere:Nothing", needs=Needs(segmenter=True),
    panels=(
        Lines("Cosine of the gradients", "", series=("cosine", "empirical_cosine"), x_label="scan"),
        Lines("Step size", "", series=("step_size",), x_label="scan"),
        Lines("Uncertainty", "", series=("entropy_before", "entropy_after"), x_label="scan", y_label="bits"),
        Lines("Dice", "", series=("dice_before", "dice_after"), x_label="scan"),
    ),
    recipes=(Recipe("bold", "With long steps", {"learning_rate": 0.1}, "Ours"),),
)  # fmt: skip


class AdaptingEngine(FakeEngine):
    """A fake engine with a network that can be adapted, and a method that adapts it."""

    def __init__(self, folder: Path, scans: int = 6, **more: Any) -> None:
        super().__init__(folder, scans=scans, **more)
        self.cards += [NET, MOVER]
        self.refusing: set[str] = set()
        """Scans that cannot be adapted to."""
        self._cases: dict[str, list[dict[str, Any]]] = {}
        self._adapting: dict[str, str] = {}
        """Task → its run."""

    def train_net(self, **parameters: Any) -> str:
        """A finished run of the network, trained on the first two scans."""
        scans = tuple(scan.scan for scan in self._open().scans[:2])
        run = self.start(RunRequest(method="net", scans=scans, parameters={"steps": 5, **parameters}))
        self.finish_all()
        return run

    def check_adaptation(self, request: AdaptRequest) -> list[Check]:
        self.calls.append(("check_adaptation", request))
        scans = self._stream(request)
        if not scans:
            return [Check(False, "The run was trained on every scan of the study.", blocking=True)]
        lines = [Check(True, f"{len(scans)} scans to adapt to, in this order.")]
        bare = [scan for scan in scans if request.domain and not self.scan(scan).meta.get(request.domain)]
        if bare:
            lines.append(Check(False, f"{len(bare)} scans have no meta label '{request.domain}'.", blocking=True))
        if self._runs[request.run].facts.parameters["norm"] == "instance" and "norms" not in request.parameters:
            text = "Mover cannot adapt this run: the network has no batch normalisation."
            lines.append(Check(False, text, blocking=True, mend={"norms": "every"}))
        return lines

    def start_adaptation(self, request: AdaptRequest) -> str:
        self.calls.append(("start_adaptation", request))
        if request.name == "truth":
            raise SagittalError("The label set 'truth' was imported. Choose another name for the masks.")
        scans = self._stream(request)
        return self._begin("adapt", len(scans), (request, scans))

    def keep_mask(self, run: str, scan: str, *, adapted: bool) -> None:
        self.calls.append(("keep_mask", (run, scan, adapted)))
        own = self._runs[run].facts.adapted.label_set
        one = next(row for row in self.scan(scan).label_sets if row.name == own)
        if one.review == "accepted":
            raise SagittalError(f"The mask of {self.scan(scan).name} was reviewed.")
        aside = f"{own}-set-aside"
        origin = {name: value for name, value in one.origin.items() if name != "set_aside"}
        if not adapted:
            self._put_set(scan, replace(one, name=aside))
            origin["set_aside"] = aside
        self._put_set(scan, replace(one, origin=origin))
        self.outbox.post(StudyChanged("study", "labels", (scan,)))

    def labels(self, scan: str, label_set: str) -> LabelLoan:
        """Masks before adapting lie two voxels off the truth, adapted ones one."""
        off = 2 if label_set.endswith("-before") else 1 if label_set.startswith("mover-") else 0
        if not off:
            return super().labels(scan, label_set)
        return LabelLoan(scan, label_set, np.roll(make_labels(int(scan, 16)), off, axis=0), label_table())

    def run(self, run: str) -> RunRecord:
        return super().run(run).model_copy(update={"cases": list(self._cases.get(run, []))})

    def _stream(self, request: AdaptRequest) -> tuple[str, ...]:
        seen = self._runs[request.run].facts.scans
        return request.scans or tuple(scan.scan for scan in self._open().scans if scan.scan not in seen)

    def _step_task(self, work: Any) -> None:
        super()._step_task(work)
        if work.kind == "adapt":
            self._adapt(work)

    def _adapt(self, work: Any) -> None:
        request, scans = work.payload
        run = self._adapting.setdefault(work.id, f"adapted{len(self._adapting) + 1}")
        if run not in self._cases:
            self._record(run, request, scans, work.id)
        scan = scans[work.done - 1]
        case = {"scan": scan, "refused": REASON} if scan in self.refusing else _case(scan, work.done)
        self._cases[run].append(case)
        if "refused" not in case:
            self._keep(run, work.id, case)
        self.outbox.post(StudyChanged(work.id, "runs", (scan,)))

    def _record(self, run: str, request: AdaptRequest, scans: tuple[str, ...], task: str) -> None:
        source = self._runs[request.run]
        adapted = Adapted(
            run=request.run, method=request.method, scans=scans, recipe=request.recipe, seed=request.seed,
            parameters=make(MoverParams, dict(request.parameters)).model_dump(), column=request.domain,
            label_set=request.name or f"mover-{run}", before_set=f"{request.name or f'mover-{run}'}-before",
            truth=request.label_set,
        )  # fmt: skip
        facts = source.facts.model_copy(update={"run": run, "folder": f"x_net-mover_{run}", "adapted": adapted})
        self._runs[run] = replace(
            source, facts=facts, state=RunState(state=State.RUNNING, task=task), metrics={}, evaluations=[]
        )
        self._cases[run] = []

    def _keep(self, run: str, task: str, case: dict[str, Any]) -> None:
        adapted, kept = self._runs[run].facts.adapted, self._runs[run]
        done = 1 + kept.state.step
        named = {"before": "dice_before", "after": "dice_after"}
        figures = ("cosine", "empirical_cosine", "step_size", "entropy_before", "entropy_after", "before", "after")
        for name in figures:
            if case[name] is not None:
                steps, values = kept.metrics.setdefault(named.get(name, name), ([], []))
                steps.append(done)
                values.append(case[name])
        self.outbox.post(MetricsChunk(task, {"cosine": ((done,), (case["cosine"],))}))
        self._update(run, step=done)
        for name in (adapted.label_set, adapted.before_set):
            self._put_set(case["scan"], LabelSetFacts(name, label_table(), {"kind": "predicted", "adaptation": run}))

    def _finish(self, work: Any, reason: Reason | None = None, error: str = "", detail: str = "") -> None:
        run = self._adapting.get(work.id)
        if run is not None:
            self._update(run, state=State.FINISHED, reason=reason or work.ends or Reason.COMPLETED, task="")
            gain = {"mean": 0.05, "low": 0.01, "high": 0.08, "n": 3}
            summary = {"dice_before": {**gain, "mean": 0.7}, "dice_after": {**gain, "mean": 0.75}, "dice_gain": gain}
            self._runs[run].evaluations.append({"task": "adaptation", "summary": summary})
        super()._finish(work, reason, error, detail)
        self.outbox.post(StudyChanged("study", "runs"))

    def _end_adapt(self, _payload: object) -> dict[str, Any]:
        return {"run": list(self._adapting.values())[-1]}


def _case(scan: str, number: int) -> dict[str, Any]:
    _, (before, after) = MOVED[(number - 1) % len(MOVED)]
    harmed = after < before - 0.1
    return {
        "scan": scan, "cosine": 0.4 - 0.1 * number, "empirical_cosine": 0.3, "step_size": 5e-5, "before": before,
        "after": after, "dice_before": dict.fromkeys(ORGANS, before), "dice_after": dict.fromkeys(ORGANS, after),
        "entropy_before": 0.3, "entropy_after": 0.34 if harmed else 0.25, "changed": 0.42 if harmed else 0.06,
        "steps": 12, "notes": [], "warning": "The mask changed in 42% of its voxels." if harmed else "",
    }  # fmt: skip
