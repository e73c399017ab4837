"""What each loss of the contrastive laboratory is worth on few labels, beside an untrained and a supervised encoder.

    python benchmarks/contrastive.py DATA --out FOLDER [--tested 15] [--budgets 5 10 25] [--methods simclr mio]
        [--seeds 0 1 2] [--targets labels position pixels] [--steps 100] [--sweep 0.07 0.1 0.2 0.5]

DATA holds scans with label maps beside them, in one tree. The `--tested` subjects (an even choice by name) are never
trained on and never labelled: they are held out of every run. Each method is trained on all other subjects, without
labels, by its recipe `--recipe`; a run's features are then read by k-NN and by linear readers after the labels of 5,
10 or 25 subjects, drawn by seed, the same draws for every method. "untrained" is the first run's network before its
first step; "supervised" trains that network on the labelled subjects alone.

`--sweep` trains MIO v1, v2 and v3 at the temperatures given instead (thesis, Table 5.8). FOLDER keeps the study, every
run and every figure (results.jsonl): the same command goes on where it was ended, and `--methods`, `--seeds` and
`--targets` may add to what is there. Prints one Markdown table; figures are means over seeds, with the 95 % bootstrap
interval over tested subjects, draws and seeds of the cases pooled. Nothing is chosen by looking at tested subjects.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal_engine import Study, evaluate, train
from sagittal_engine.evaluate.statistics import bootstrap_table
from sagittal_engine.registry import Registry

BASELINES = ("untrained", "supervised")
SWEPT = ("v1", "v2", "v3")

TASKS = {
    "labels": (("knn", "accuracy"), ("linear", "accuracy")),
    "position": (("linear", "position_error"),),
    "pixels": (("linear", "dice_mean"),),
}
"""Target → the tasks it is read by, and the figure of each that stands in the table."""

TITLES = {
    ("knn", "labels"): "k-NN",
    ("linear", "labels"): "linear",
    ("linear", "position"): "position error",
    ("linear", "pixels"): "pixel Dice",
}


@dataclass(frozen=True)
class Row:
    """One line of the table: a method under one setting, or a baseline."""

    name: str
    method: str
    values: tuple[tuple[str, Any], ...] = ()
    encoder: str = "trained"


class Notes:
    """What was found so far: one JSON document a line, so that an interrupted run loses nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.found = {tuple(note["key"]): note for note in map(json.loads, filter(str.strip, lines))}

    def add(self, key: tuple[str, ...], **facts: Any) -> dict[str, Any]:
        note = {"key": list(key), **facts}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(note) + "\n")
        self.found[key] = note
        return note


def opened(data: Path, place: Path) -> Study:
    """The study of earlier calls, or a new one with the scans of `data`."""
    if place.exists():
        return Study.open(place)
    study = Study.create(place)
    study.import_paths([data])
    return study


def divided(study: Study, tested: int) -> tuple[list[str], list[str]]:
    """Ids of the scans to train on and of those to test on: whole subjects, an even choice by name, scans with labels.

    Raises SystemExit where nobody would be left to train on.
    """
    scans = [scan for scan in study.facts().scans if any(found.labels for found in scan.label_sets)]
    subjects = sorted({scan.subject for scan in scans})
    if len(subjects) <= tested:
        raise SystemExit(f"{tested} tested subjects leave none of {len(subjects)} to train on; lower --tested.")
    kept = {subjects[round(i)] for i in np.linspace(0, len(subjects) - 1, tested)}
    return ([s.scan for s in scans if s.subject not in kept], [s.scan for s in scans if s.subject in kept])


def rows_of(arguments: argparse.Namespace) -> list[Row]:
    """The lines of the table, baselines last."""
    if arguments.sweep:
        return [
            Row(f"mio {version}, τ {temperature:g}", "mio", (("version", version), ("temperature", temperature)))
            for version in SWEPT
            for temperature in arguments.sweep
        ]
    known = [card.name for card in Registry().cards() if "representation" in card.capabilities]
    chosen = arguments.methods or [*known, *BASELINES]
    unknown = sorted(set(chosen) - {*known, *BASELINES})
    if unknown:
        raise SystemExit(f"There is no method {', '.join(unknown)}; there are {', '.join([*known, *BASELINES])}.")
    base = "simclr" if "simclr" in known else known[0]
    return [Row(name, base, (), name) if name in BASELINES else Row(name, name) for name in chosen]


def trained(study: Study, row: Row, seed: int, scans: Sequence[str], notes: Notes, a: argparse.Namespace) -> str:
    """The id of the row's run, trained now where it is not there yet; baselines take no step. "" where it failed."""
    values = {**dict(pair.split("=", 1) for pair in a.set), **dict(row.values)}
    baseline = row.encoder != "trained"
    key = (
        "run",
        a.recipe,
        str(a.steps),
        row.method,
        str(seed),
        "baseline" if baseline else json.dumps(values, sort_keys=True),
    )
    if key not in notes.found:
        started = time.monotonic()
        try:
            record = train(
                study, row.method, recipe=a.recipe, scans=scans, seed=seed, steps=0 if baseline else a.steps,
                held_out=0, **values,
            )  # fmt: skip
            notes.add(key, run=record.facts.run, steps=record.state.step, seconds=time.monotonic() - started)
        except SagittalError as error:
            # A loss that breaks is a result: the row says so, and the others go on.
            notes.add(key, run="", failed=str(error))
            print(f"{row.name}, seed {seed}: {error}", file=sys.stderr)
    return str(notes.found[key]["run"])


def measured(study: Study, row: Row, run: str, tested: Sequence[str], notes: Notes, a: argparse.Namespace) -> None:
    """Evaluates a run on every target that is not measured yet."""
    for target in a.targets:
        for task, figure in TASKS[target]:
            budgets = ",".join(map(str, a.budgets))
            key = ("figures", run, row.encoder, task, target, budgets, str(a.repeats), str(a.k))
            if key in notes.found:
                continue
            extra = {"k": a.k} if task == "knn" else {}
            document = evaluate(
                study, run=run, task=task, scans=tested, target=target, budget=budgets, repeats=a.repeats,
                encoder=row.encoder, **extra,
            )  # fmt: skip
            cases = [
                {name: case[name] for name in ("subject", "budget", "repeat", figure)} for case in document["cases"]
            ]
            note = notes.add(key, figure=figure, chance=document["chance"], cases=cases)
            print(f"{row.name} {run} {task} {target}: {_cells(note['cases'], figure, a.budgets)}", file=sys.stderr)


def _cells(cases: Sequence[dict[str, Any]], figure: str, budgets: Sequence[int]) -> str:
    return " · ".join(cell([cases], figure, budget) for budget in budgets)


def cell(documents: Sequence[Sequence[dict[str, Any]]], figure: str, budget: int) -> str:
    """ "0.812 [0.78, 0.85]": draws of every seed's run are the rows of one table of subjects."""
    lines: list[dict[str, float]] = []
    for cases in documents:
        repeats = sorted({case["repeat"] for case in cases if case["budget"] == budget})
        for repeat in repeats:
            own = [case for case in cases if (case["budget"], case["repeat"]) == (budget, repeat)]
            lines.append({c["subject"]: np.nan if c[figure] is None else c[figure] for c in own})
    if not lines:
        return "–"
    subjects = sorted(lines[0])
    row = bootstrap_table(np.array([[line[subject] for subject in subjects] for line in lines]))
    return f"{row['mean']:.3f} [{row['low']:.2f}, {row['high']:.2f}]"


def table(rows: Sequence[Row], runs: dict[tuple[str, int], str], notes: Notes, a: argparse.Namespace) -> Iterator[str]:
    """The Markdown table, one line a row."""
    columns = [
        (task, target, figure, budget) for target in a.targets for task, figure in TASKS[target] for budget in a.budgets
    ]
    names = [f"{TITLES[task, target]}, {budget}" for task, target, _, budget in columns]
    yield "| method | runs | " + " | ".join(names) + " |"
    yield "| --- |" + " ---: |" * (len(names) + 1)
    for row in rows:
        cells = []
        for task, target, figure, budget in columns:
            budgets = ",".join(map(str, a.budgets))
            keys = [
                ("figures", runs[row.name, seed], row.encoder, task, target, budgets, str(a.repeats), str(a.k))
                for seed in a.seeds
                if runs[row.name, seed]
            ]
            cells.append(cell([notes.found[key]["cases"] for key in keys], figure, budget))
        finished = sum(bool(runs[row.name, seed]) for seed in a.seeds)
        yield f"| {row.name} | {finished} of {len(a.seeds)} | " + " | ".join(cells) + " |"


def explained(study: Study, tested: Sequence[str], training: Sequence[str], a: argparse.Namespace) -> str:
    subjects = [len({study.scan(scan).subject for scan in side}) for side in (tested, training)]
    return (
        f"{subjects[0]} subjects tested and never trained on, {subjects[1]} trained on; the number after each figure "
        f"is how many of these gave labels ({a.repeats} draws). Accuracy of the labels present in a slice by k-NN "
        f"(cosine, k = {a.k}, e^(c/0.1)) and by a linear reader; position error as a share of the scan; Dice of "
        "pixels read linearly from frozen feature maps. Intervals: 95 % bootstrap over tested subjects and draws."
    )


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tested", type=int, default=15)
    parser.add_argument("--budgets", nargs="+", type=int, default=[5, 10, 25])
    parser.add_argument("--methods", nargs="+", default=[], help="all that give features, and both baselines")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--targets", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--recipe", default="quick-cpu")
    parser.add_argument("--steps", type=int, default=None, help="stop here; the recipe's length by default")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--k", type=int, default=20, help="neighbours; 200 would be more than few labels give")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of every method")
    parser.add_argument("--sweep", nargs="+", type=float, default=[], metavar="T", help="temperatures of MIO")
    return parser.parse_args()


def main() -> None:
    a = parsed()
    a.out.mkdir(parents=True, exist_ok=True)
    notes, rows = Notes(a.out / "results.jsonl"), rows_of(a)
    with opened(a.data, a.out / "study") as study:
        training, tested = divided(study, a.tested)
        runs = {}
        for seed in a.seeds:
            for row in rows:
                runs[row.name, seed] = trained(study, row, seed, training, notes, a)
                if runs[row.name, seed]:
                    measured(study, row, runs[row.name, seed], tested, notes, a)
        print("\n".join([*table(rows, runs, notes, a), "", explained(study, tested, training, a)]))


if __name__ == "__main__":
    main()
