"""What the demo does: draws a synthetic cohort, imports it, trains, segments, evaluates, and writes a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sagittal.engine_port import EnginePort, SagittalError
from sagittal.events import Event, MetricsChunk, StepProgress, TaskProgress
from sagittal.facts import EvaluateRequest, SegmentRequest
from sagittal.method import MethodCard
from sagittal.run_record import RunRecord
from sagittal.run_request import RunRequest
from sagittal_engine.cli.following import follow
from sagittal_engine.demo.report import write_report
from sagittal_engine.demo.results import LABEL_SET, PROTOCOLS, SEED, Results

SUBJECTS = 16
TRAINING = 10
"""The first ten scans are trained on; the other six are only ever tested on."""
RECIPE = "demo"
RUNS: dict[str, int | None] = {"untrained": 0, "trained": None}
"""Run → step to stop at; None is the end of the recipe's schedule."""

Tell = Callable[[int, int, str], None]
"""Progress: done, total (0: unknown), and a sentence."""


def _quiet(done: int, total: int, message: str) -> None:
    """Nobody listens."""


def default_folder() -> Path:
    """Where the demo lives if nothing else is said: the user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("sagittal", appauthor=False) / "demo"


def prepare_demo(out: Path, *, engine: EnginePort | None = None, tell: Tell = _quiet) -> Path:
    """Draws the synthetic cohort into `out/scans`, imports it into the study `out/study`, and returns the study.

    What is there already is kept. Raises `SagittalError` where the study cannot be made.
    """
    from sagittal_engine import phantom
    from sagittal_engine.service import Engine

    out = out.absolute()
    scans, study = out / "scans", out / "study"
    if len(list(scans.glob("image_*.nii.gz"))) < SUBJECTS:
        phantom.generate(scans, subjects=SUBJECTS, seed=SEED, progress=tell)
    own = engine is None
    engine = engine or Engine()
    try:
        facts = engine.open_study(study) if study.exists() else engine.new_study(study)
        if facts.read_only:
            raise SagittalError(
                f"Nothing can be written to the demo's study {study}. {facts.why_read_only} Or give --out."
            )
        if len(facts.scans) < SUBJECTS:
            meta = scans / "meta.csv"
            task = engine.start_import([scans], meta=meta if meta.exists() else None)
            follow(engine, task, _telling(tell)).insist()
    finally:
        if own:
            engine.shut_down()
    return study


def run_demo(out: Path, *, engine: EnginePort | None = None, tell: Tell = _quiet) -> dict[str, Any]:
    """Does the whole demo in `out` and returns {"study", "report", "pictures"} as absolute paths.

    Ctrl+C stops it cleanly and is raised again. Raises `SagittalError` where a part of it cannot be done.
    """
    from sagittal_engine.service import Engine

    own = engine is None
    engine = engine or Engine()
    try:
        begun = time.monotonic()
        study = prepare_demo(out, engine=engine, tell=tell)
        results = _work(engine, study, tell, time.monotonic() - begun)
        tell(0, 0, "Writing the report")
        report, pictures = write_report(out.absolute(), results, engine)
    finally:
        if own:
            engine.shut_down()
    return {"study": str(study), "report": str(report), "pictures": [str(path) for path in pictures]}


def _work(engine: EnginePort, study: Path, tell: Tell, prepared: float) -> Results:
    facts = engine.study()
    assert facts is not None
    scans = tuple(sorted((scan for scan in facts.scans), key=lambda scan: scan.name))
    results = Results(study, _method(engine), scans, TRAINING, scans[TRAINING])
    results.seconds["cohort and import"] = prepared
    for name, stop_at in RUNS.items():
        begun = time.monotonic()
        results.runs[name] = _train(engine, results, stop_at, tell)
        results.seconds[f"{name} run"] = time.monotonic() - begun
    begun = time.monotonic()
    results.segmentation = _segment(engine, results, tell)
    results.seconds["segmentation of the cohort"] = time.monotonic() - begun
    begun = time.monotonic()
    for protocol in PROTOCOLS:
        for name, run in results.runs.items():
            request = EvaluateRequest(
                run=run.facts.run, scans=tuple(scan.scan for scan in results.tested), protocol=protocol
            )
            ending = follow(engine, engine.start_evaluation(request), _telling(tell))
            results.evaluations[name, protocol] = ending.insist()
    results.seconds["evaluation"] = time.monotonic() - begun
    return results


def _method(engine: EnginePort) -> MethodCard:
    """The method the demo shows: one that trains and segments, and has a recipe for it."""
    for card in engine.methods():
        if {"pretext", "segmenter"} <= set(card.capabilities) and any(r.name == RECIPE for r in card.recipes):
            return card
    raise SagittalError(
        f"No installed method has a recipe '{RECIPE}'. `sagittal plugin list` shows what does not load."
    )


def _train(engine: EnginePort, results: Results, stop_at: int | None, tell: Tell) -> RunRecord:
    request = RunRequest(
        method=results.card.name,
        recipe=RECIPE,
        scans=tuple(scan.scan for scan in results.scans[: results.training]),
        stop_at=stop_at,
        seed=SEED,
    )
    run = engine.start(request)
    follow(engine, run, _telling(tell), run=True).insist()
    return engine.run(run)


def _segment(engine: EnginePort, results: Results, tell: Tell) -> Mapping[str, Any]:
    """Segments every scan from three slices of one that was not trained on."""
    labels = next((found.labels for found in results.support.label_sets if found.name == "truth"), ())
    request = SegmentRequest(
        run=results.runs["trained"].facts.run,
        labels=tuple(label.name for label in labels),
        support=results.support.scan,
        label_set=LABEL_SET,
        support_set="truth",
    )
    return follow(engine, engine.start_segmentation(request), _telling(tell)).insist()


def _telling(tell: Tell) -> Callable[[Event], None]:
    """Turns progress events into calls of `tell`."""
    newest: dict[str, float] = {}

    def show(event: Event) -> None:
        if isinstance(event, TaskProgress):
            tell(event.done, event.total, event.message)
        elif isinstance(event, MetricsChunk):
            newest.update({name: values[-1] for name, (_, values) in event.series.items() if values and "loss" in name})
        elif isinstance(event, StepProgress):
            losses = "  ".join(f"{name} {value:.3g}" for name, value in newest.items())
            tell(event.step, event.steps, f"Training  {losses}")

    return show
