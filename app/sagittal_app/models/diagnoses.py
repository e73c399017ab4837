"""Diagnoses as they are shown: which runs can be asked, which exam needs a look and why, and in which order. No Qt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sagittal.concurrence import yes_or_no
from sagittal.diagnosis import DiagnosisFacts, ExamDiagnosis, ExamFacts, Opinion, SliceShare
from sagittal.facts import colour_of
from sagittal.method import MethodCard
from sagittal.params import names_in
from sagittal.run_record import RunRecord
from sagittal_app import diagnosis_words as words
from sagittal_app import messages

CLASSIFIER = "classifier"
"""The capability of methods whose runs judge exams."""
PLANES = ("sagittal", "coronal", "axial")
"""In the order in which they are shown."""
NEED, MISTAKES, BY_NAME = "need", "mistakes", "exam"
PROBABILITY = "probability:"
"""Before a label, what a list is sorted by."""
DIFFER = ("difference", "low", "high")
CALLED_OUT = 0.75
"""The need from which an exam is called out."""


@dataclass(frozen=True)
class ClassifierRun:
    """A run that can be asked about exams."""

    run: str
    title: str
    about: str
    plane: str
    """Empty for any."""
    labels: tuple[str, ...]
    """Empty where its parameters do not say."""
    colour: str


def classifiers_of(records: Sequence[RunRecord], cards: Sequence[MethodCard]) -> list[ClassifierRun]:
    """The study's trained classifiers, newest first; `records` are all its runs, newest first.

    A run has the colour that it has among the runs.
    """
    titles = {card.name: card.title for card in cards if CLASSIFIER in card.capabilities}
    found = []
    for place, record in enumerate(records):
        facts, method = record.facts, record.facts.request.method
        if method not in titles or not record.state.step:
            continue
        plane, labels = str(facts.parameters.get("plane") or ""), names_in(str(facts.parameters.get("labels") or ""))
        about = [plane or words.ANY_PLANE, ", ".join(labels), facts.request.recipe or messages.RECIPE_OWN]
        about.append(words.STEP.format(step=record.state.step))
        title = words.RUN_TITLE.format(method=titles[method], run=facts.run)
        said = " · ".join(filter(None, about))
        found.append(ClassifierRun(facts.run, title, said, plane, labels, colour_of(len(records) - place)))
    return found


def proposed(runs: Sequence[ClassifierRun]) -> tuple[str, ...]:
    """The newest classifier of each plane, of those that judge the same labels as the newest of all."""
    first: dict[str, ClassifierRun] = {}
    for one in runs:
        if set(one.labels) == set(runs[0].labels):
            first.setdefault(one.plane, one)
    return tuple(one.run for one in first.values())


def shared_labels(runs: Sequence[ClassifierRun]) -> tuple[str, ...] | None:
    """Labels that all of `runs` judge, in the order of the first; None where some do not say."""
    if not runs or not all(one.labels for one in runs):
        return None
    return tuple(label for label in runs[0].labels if all(label in one.labels for one in runs))


def title_of(facts: DiagnosisFacts) -> str:
    """ "2026-11-21 22:05 · 3 classifiers · 24 exams"."""
    return words.TITLE.format(
        when=messages.local_time(facts.created),
        runs=messages.count(len(facts.request.runs), "classifier"),
        exams=messages.count(len(facts.exams), "exam"),
    )


# One exam


def margin(opinion: Opinion) -> float:
    """How far the probability lies from its threshold, in 0…1 of what there is on that side."""
    p, t = opinion.probability, opinion.threshold
    room = 1.0 - t if p >= t else t
    return abs(p - t) / room if room > 0 else 1.0


def told(opinion: Opinion) -> bool:
    """Whether the exam is said to have the label."""
    return opinion.probability >= opinion.threshold


def wrong(opinion: Opinion) -> bool:
    """Whether the truth is known and another."""
    return opinion.truth is not None and opinion.truth != told(opinion)


def crosses(opinion: Opinion) -> bool:
    """Whether the draws lie on both sides of the threshold."""
    return opinion.low < opinion.threshold <= opinion.high


def plane_means(opinion: Opinion) -> dict[str, float]:
    """Plane → mean probability over the draws."""
    return {plane: sum(draws) / len(draws) for plane, draws in opinion.planes.items() if draws}


def apart(opinion: Opinion) -> bool:
    """Whether planes that count stand on both sides of the threshold."""
    sides = {mean >= opinion.threshold for plane, mean in plane_means(opinion).items() if opinion.weights.get(plane)}
    return len(sides) > 1


def need_of(opinion: Opinion) -> float:
    """In 0…1: 1 at the threshold, 0 at the far end; at least `CALLED_OUT` where draws or planes are on both sides."""
    near = 1.0 - margin(opinion)
    return max(near, CALLED_OUT) if crosses(opinion) or apart(opinion) else near


def need(one: ExamDiagnosis) -> float:
    """How much an exam needs a look: as much as the label that needs it most."""
    return max(map(need_of, one.opinions), default=0.0)


def reasons(one: ExamDiagnosis) -> list[str]:
    """What speaks for looking at an exam, in words; mistakes first."""
    found = [
        words.WRONG.format(label=said.label, value=said.probability, truth=words.HAS if said.truth else words.HAS_NOT)
        for said in one.opinions
        if wrong(said)
    ]
    for said in one.opinions:
        if apart(said):
            planes = ", ".join(f"{plane} {value:.2f}" for plane, value in plane_means(said).items())
            found.append(words.APART.format(label=said.label, planes=planes))
        elif crosses(said):
            found.append(words.CROSSES.format(label=said.label, low=said.low, high=said.high))
        elif need_of(said) >= CALLED_OUT:
            found.append(words.NEAR.format(label=said.label, value=said.probability))
    return [*found, *([lacking(one.missing)] if one.missing else [])]


def lacking(planes: Sequence[str]) -> str:
    """ "no coronal or axial scan"."""
    named = words.OR.format(first=", ".join(planes[:-1]), last=planes[-1]) if len(planes) > 1 else planes[0]
    return words.LACKS.format(planes=named)


def opinion_on(one: ExamDiagnosis, label: str) -> Opinion | None:
    return next((said for said in one.opinions if said.label == label), None)


def ordered(exams: Sequence[ExamDiagnosis], by: str) -> list[ExamDiagnosis]:
    """Sorted by `NEED`, `MISTAKES`, `BY_NAME` or `PROBABILITY` + label; ties by name."""

    def strength(one: ExamDiagnosis) -> float:
        if by.startswith(PROBABILITY):
            said = opinion_on(one, by.removeprefix(PROBABILITY))
            return said.probability if said is not None else -1.0
        if by == MISTAKES:
            return max((1.0 + margin(said) for said in one.opinions if wrong(said)), default=0.0)
        return need(one) if by == NEED else 0.0

    return sorted(exams, key=lambda one: (-strength(one), one.exam.exam))


def planes_of(exam: ExamFacts, facts: DiagnosisFacts | None) -> list[str]:
    """Planes to show of an exam: those it has, and those that the classifiers know; the usual order first."""
    known = {plane for weights in (facts.weights.values() if facts else ()) for plane in weights}
    there = {*exam.planes, *known}
    return [*(plane for plane in PLANES if plane in there), *sorted(there - set(PLANES))]


def ranked(one: ExamDiagnosis, plane: str, label: str) -> list[SliceShare]:
    """Slices of a plane by contribution to a label, the largest first."""
    rows = [row for row in one.slices if row.plane == plane and row.label == label]
    return sorted(rows, key=lambda row: (-row.contribution, row.index))


def signed(value: float) -> str:
    """ "+0.82", "−0.10"."""
    return f"{value:+.2f}".replace("-", "−")


# All exams


def truths_of(exams: Sequence[ExamFacts], diagnosed: Iterable[ExamDiagnosis] = ()) -> dict[str, dict[str, bool]]:
    """Exam → label → whether it has it: meta labels that say yes of some exams and no of others, and what the opinions
    of a diagnosis know besides."""
    said = {exam.exam: {name: yes_or_no(value) for name, value in exam.labels.items()} for exam in exams}
    values: dict[str, set[bool | None]] = {}
    for row in said.values():
        for name, value in row.items():
            values.setdefault(name, set()).add(value)
    found = {
        exam: {name: value for name, value in row.items() if value is not None and values[name] == {True, False}}
        for exam, row in said.items()
    }
    for one in diagnosed:
        for opinion in one.opinions:
            if opinion.truth is not None:
                found.setdefault(one.exam.exam, {}).setdefault(opinion.label, opinion.truth)
    return found


def figure_words(one: Mapping[str, float] | None) -> str:
    """Mean, interval and n over two lines; a dash where it cannot be computed."""
    if one is None or not math.isfinite(one.get("mean", math.nan)):
        return "–"
    known = math.isfinite(one.get("low", math.nan)) and math.isfinite(one.get("high", math.nan))
    return (words.FIGURE if known else words.FIGURE_ALONE).format(**{"low": 0, "high": 0, "n": 0, **one})


def difference_words(one: Mapping[str, float]) -> list[str]:
    """Difference, its interval, p and n: "+0.031", "−0.010 to +0.072", "0.140", "120"; dashes for what is no number."""
    said = [words.DIFFERENCE.format(one[key]).replace("-", "−") if math.isfinite(one[key]) else "–" for key in DIFFER]
    p = f"{one['p']:.3f}" if math.isfinite(one["p"]) else "–"
    return [said[0], words.BETWEEN.format(low=said[1], high=said[2]), p, f"{one['n']:.0f}"]
