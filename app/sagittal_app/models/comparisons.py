"""Comparisons as they are shown: what one can start from, and what each came to, in words and numbers. No Qt."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sagittal.comparison import SCRATCH, ComparisonFacts, ComparisonRow
from sagittal.facts import COLOURS, StudyFacts, colour_of
from sagittal.run_record import RunRecord
from sagittal_app import compare_words as words
from sagittal_app import messages
from sagittal_app.models.run_model import Floats

SCRATCH_COLOUR = "#98A2AE"
"""Random weights are the quiet line that the others are seen against."""
ENCODER_FILE = "encoder.json"


@dataclass(frozen=True)
class Start:
    """One thing to start from."""

    name: str
    """As `ComparisonRequest.starts` has it."""
    title: str
    about: str
    colour: str
    short: str
    """What it is called in a comparison's own title."""


def starts_of(records: Sequence[RunRecord], titles: Mapping[str, str], study: str) -> list[Start]:
    """Random weights, and what `run_starts` finds. *Slow.*"""
    scratch = Start(SCRATCH, words.SCRATCH, words.SCRATCH_ABOUT, SCRATCH_COLOUR, SCRATCH)
    return [scratch, *run_starts(records, titles, study)]


def run_starts(records: Sequence[RunRecord], titles: Mapping[str, str], study: str) -> list[Start]:
    """The study's runs that left an encoder, newest first; `titles` are those of methods. *Slow.*

    A run has the colour that it has among the runs: `records` are all of them, newest first.
    """
    found = []
    for place, record in enumerate(records):
        facts = record.facts
        encoder = read_encoder(Path(study) / "runs" / facts.folder / "encoder")
        if encoder is None:
            continue
        method = titles.get(facts.request.method, facts.request.method)
        about = [facts.request.recipe or messages.RECIPE_OWN, f"step {record.state.step}", architecture(encoder)]
        said, colour = " · ".join(filter(None, about)), colour_of(len(records) - place)
        found.append(Start(facts.run, f"{method} {facts.run}", said, colour, method))
    return found


def folder_start(path: Path, number: int) -> Start | None:
    """The start that an encoder's folder is, in the colour `number`; None where it holds none. *Slow.*"""
    encoder = read_encoder(path)
    if encoder is None:
        return None
    title = path.name if path.name != "encoder" else path.parent.name
    about = [architecture(encoder), words.FOLDER_ABOUT.format(path=path)]
    return Start(str(path), title, " · ".join(filter(None, about)), colour_of(number), title)


def read_encoder(folder: Path) -> Mapping[str, Any] | None:
    """How the encoder in `folder` says that it is used; None where there is none."""
    with suppress(OSError, ValueError):
        document = json.loads((folder / ENCODER_FILE).read_text(encoding="utf-8"))
        return document if isinstance(document, dict) else None
    return None


def architecture(encoder: Mapping[str, Any]) -> str:
    """The name of an encoder's network, where it says it."""
    return str(encoder.get("architecture", ""))


def labels_in(facts: StudyFacts | None, label_set: str) -> dict[str, str]:
    """The labels of a label set, each with how many scans have it."""
    counts: dict[str, int] = {}
    for scan in facts.scans if facts else ():
        for one in scan.label_sets:
            for label in one.labels if one.name == label_set else ():
                counts[label.name] = counts.get(label.name, 0) + 1
    return {name: f"In {messages.count(count, 'scan')}." for name, count in counts.items()}


def budgets_in(text: str) -> tuple[int, ...]:
    """ "1, 2, 8" as numbers, ascending, each once. Raises ValueError with a sentence."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    wrong = [part for part in parts if not part.isdecimal()]
    if wrong or not parts:
        raise ValueError(words.BUDGETS_WRONG.format(text=wrong[0] if wrong else text))
    return tuple(sorted(set(map(int, parts))))


def budget_words(budget: int) -> str:
    """ "2", or "all" for 0."""
    return str(budget or messages.ALL_SUBJECTS)


def progress(facts: ComparisonFacts) -> str:
    """ "running · 12 of 45 fine-tunings"."""
    return f"{words.STATES[str(facts.state)]} · {words.DONE.format(done=facts.done, total=facts.total)}"


# Figures


@dataclass(frozen=True)
class Metric:
    """A figure's name taken apart."""

    name: str
    base: str
    label: str
    """ "mean", or the label it is of; empty where the name says neither."""

    @property
    def title(self) -> str:
        """ "Dice, mean of the labels", "HD95, liver"."""
        read = words.METRICS.get(self.base, (messages.heading(self.base), "", True))[0]
        of = words.MEAN if self.label == "mean" else self.label
        return f"{read}, {of}" if of else read

    @property
    def unit(self) -> str:
        return words.METRICS.get(self.base, ("", "", True))[1]

    @property
    def axis(self) -> str:
        """ "Dice", "HD95 (mm)"."""
        read = words.METRICS.get(self.base, (messages.heading(self.base), "", True))[0]
        return f"{read} ({self.unit})" if self.unit else read

    @property
    def more_is_better(self) -> bool:
        return words.METRICS.get(self.base, ("", "", True))[2]


def read_metric(name: str) -> Metric:
    """ "volume_error_liver" is the volume error of the liver."""
    base = max((known for known in words.METRICS if name == known or name.startswith(f"{known}_")), key=len, default="")
    return Metric(name, base, name[len(base) + 1 :]) if base else Metric(name, name, "")


def metrics_of(facts: ComparisonFacts) -> list[Metric]:
    """Every figure that some row has: means of the labels first, then label by label."""
    names = dict.fromkeys(name for row in facts.rows for name in row.metrics)
    order = list(words.METRICS)
    return sorted(
        map(read_metric, names),
        key=lambda one: (one.label != "mean", one.label, order.index(one.base) if one.base in order else len(order)),
    )


def written(one: Mapping[str, float], metric: Metric) -> str:
    """ "0.653 (0.61–0.69, n = 5)": millimetres with fewer digits, ends that would look the same with more."""
    low, high, n = one.get("low"), one.get("high"), one.get("n")
    fine = 2 if metric.unit else 3
    mean = f"{one['mean']:.{fine}f}"
    if low is None or high is None:
        return mean
    digits = fine - 1 if f"{low:.{fine - 1}f}" != f"{high:.{fine - 1}f}" else fine
    return f"{mean} ({low:.{digits}f}–{high:.{digits}f}" + (f", n = {n:.0f})" if n is not None else ")")


@dataclass(frozen=True)
class BudgetCurve:
    """One start over the budgets; arrays (B,), NaN where nothing is known yet."""

    title: str
    colour: str
    mean: Floats
    low: Floats
    high: Floats
    whole: tuple[bool, ...]
    """Whether every draw of the budget is done."""


def curves_of(facts: ComparisonFacts, metric: str, colours: Mapping[str, str]) -> list[BudgetCurve]:
    """Every start's curve of one figure, in the order of the request; those of which nothing is known are left out."""
    found = []
    for start in facts.request.starts:
        rows = [row_of(facts, start, budget) for budget in facts.request.budgets]
        told = [row.metrics.get(metric) if row is not None else None for row in rows]
        if not any(told):
            continue
        mean, low, high = (_column(told, key) for key in ("mean", "low", "high"))
        whole = tuple(row is not None and row.repeats >= facts.request.repeats for row in rows)
        found.append(BudgetCurve(title_of(facts, start), colours.get(start, SCRATCH_COLOUR), mean, low, high, whole))
    return found


def _column(rows: Iterable[Mapping[str, float] | None], key: str) -> Floats:
    return np.array([np.nan if row is None or row.get(key) is None else row[key] for row in rows], dtype=float)


def row_of(facts: ComparisonFacts, start: str, budget: int) -> ComparisonRow | None:
    return next((row for row in facts.rows if (row.start, row.budget) == (start, budget)), None)


def title_of(facts: ComparisonFacts, start: str) -> str:
    """A start in words: as its rows say, or as it was asked for."""
    if start == SCRATCH:
        return words.SCRATCH
    said = next((row.title for row in facts.rows if row.start == start), "")
    return said or (Path(start).parent.name if Path(start).name == "encoder" else Path(start).name)


def colours_of(facts: ComparisonFacts, known: Sequence[Start]) -> dict[str, str]:
    """A colour per start: a run's own; for others one that no run of the comparison has."""
    own = {start.name: start.colour for start in known if start.name in facts.request.starts}
    own.setdefault(SCRATCH, SCRATCH_COLOUR)
    free = (colour for colour in COLOURS if colour not in own.values())
    return {start: own.get(start) or next(free, SCRATCH_COLOUR) for start in facts.request.starts}
