"""What a fine-tuning starts from, what that has seen, and who gives labels and who is tested. No torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.comparison import SCRATCH
from sagittal.engine_port import SagittalError
from sagittal.facts import ScanFacts, label_names
from sagittal_engine.registry import Registry
from sagittal_engine.store.encoder import encoder_facts, find_encoder
from sagittal_engine.store.run_folder import RunFolder

if TYPE_CHECKING:
    from sagittal_engine.study import Study

TESTED_SHARE = 1 / 3
"""Of the labelled subjects, where no start has seen any of them and no scans were named."""


@dataclass(frozen=True)
class Origin:
    """A start, as far as it can be known without torch."""

    name: str
    title: str
    weights: Path | None
    facts: Mapping[str, Any]
    seen: frozenset[str] | None
    """Ids of the scans that it was trained on; None where nobody knows."""

    def digest(self) -> str:
        """Of the weights' file; empty for random ones."""
        if self.weights is None:
            return ""
        with self.weights.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def origin_of(study: Study, registry: Registry, start: str) -> Origin:
    """What `start` names: "scratch", a run of the study, or an encoder's folder or file.

    Raises `SagittalError` where there is no such encoder.
    """
    if start == SCRATCH:
        return Origin(start, "from scratch", None, {}, frozenset())
    weights = find_encoder(study.runs_folder, start)
    facts = encoder_facts(weights)
    run, method = str(facts.get("run", "")), str(facts.get("method", ""))
    known = {card.name: card.title for card in registry.cards()}
    title = f"{known.get(method, method)} {run}".strip() or weights.stem
    seen = facts.get("scans")
    if seen is None and (weights.parent.parent / "run.json").is_file():
        # Encoders written before they named their scans.
        seen = RunFolder(weights.parent.parent).facts().scans
    return Origin(start, title, weights, facts, None if seen is None else frozenset(map(str, seen)))


def check_alike(origins: Sequence[Origin]) -> Mapping[str, Any]:
    """The facts of the encoder that all starts share; nothing where all are random weights.

    Raises `SagittalError` where their networks differ: a table would then compare networks.
    """
    known = [origin for origin in origins if origin.facts.get("architecture")]
    for origin in known[1:]:
        for fact in ("architecture", "stem", "in_channels"):
            mine, other = known[0].facts.get(fact), origin.facts.get(fact)
            if mine is not None and other is not None and mine != other:
                raise SagittalError(
                    f"{known[0].title} left an encoder whose {fact.replace('_', ' ')} is {mine}, {origin.title} one "
                    f"whose is {other}. A comparison is of starts for one network: choose encoders that are alike."
                )
    return known[0].facts if known else {}


@dataclass(frozen=True)
class Sides:
    """Labelled scans on either side of the split."""

    pool: tuple[ScanFacts, ...]
    test: tuple[ScanFacts, ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...]


def sides_of(
    study: Study,
    origins: Sequence[Origin],
    *,
    label_set: str,
    labels: Sequence[str],
    test_scans: Sequence[str],
    seed: int,
    allow_seen: bool,
) -> Sides:
    """Who is tested, and who may give labels: never the same subject.

    Raises `SagittalError` where there is nobody for one side, a scan to test has no labels, or a start has seen scans
    of subjects that are tested; with `allow_seen` that becomes a note.
    """
    labelled = [scan for scan in study.facts().scans if not scan.missing and label_names([scan], label_set)]
    if not labelled:
        raise SagittalError(f"No scan of the study has labels '{label_set}'. Import label maps, or name another set.")
    known = label_names(labelled, label_set)
    unknown = [name for name in labels if name not in known]
    if unknown:
        raise SagittalError(f"No scan has a label {', '.join(unknown)} in '{label_set}'; there are {', '.join(known)}.")
    seen = _seen_subjects(study, origins)
    test = _named(study, test_scans, label_set) if test_scans else _chosen(labelled, seen, seed, allow_seen)
    tested = {subject_of(scan) for scan in test}
    notes = [_refuse_or_note(origins, seen, tested, allow_seen), _unknown(origins), _with_labels(origins)]
    pool = tuple(scan for scan in labelled if subject_of(scan) not in tested)
    if not pool:
        raise SagittalError("Every labelled subject is tested, so nobody can give labels. Test on fewer scans.")
    return Sides(pool, tuple(test), tuple(labels) or known, tuple(note for note in notes if note))


def subject_of(scan: ScanFacts) -> str:
    """Whose scan it is; one of nobody in particular is a subject of its own."""
    return scan.subject or scan.scan


def _seen_subjects(study: Study, origins: Sequence[Origin]) -> dict[str, set[str]]:
    """By start's name: the study's subjects of whom it has seen a scan."""
    own = {scan.scan: subject_of(scan) for scan in study.facts().scans}
    return {origin.name: {own[scan] for scan in origin.seen or () if scan in own} for origin in origins}


def _named(study: Study, scans: Iterable[str], label_set: str) -> list[ScanFacts]:
    found = list({scan.scan: scan for scan in map(study.find, scans)}.values())
    bare = [scan.name for scan in found if not label_names([scan], label_set)]
    if bare:
        raise SagittalError(f"{', '.join(bare[:3])} cannot be tested without labels '{label_set}'. Leave them out.")
    return found


def _chosen(labelled: Sequence[ScanFacts], seen: Mapping[str, set[str]], seed: int, allow: bool) -> list[ScanFacts]:
    """The scans of all unseen subjects, or of a third of the subjects where none is seen (or it is allowed)."""
    subjects = sorted({subject_of(scan) for scan in labelled})
    by_any = set().union(*seen.values()) & set(subjects)
    if by_any and not allow:
        tested = set(subjects) - by_any
        if not tested:
            raise SagittalError(
                "There is nobody to test: every labelled subject's scans were seen in pre-training, if without labels. "
                "Train a run on some of the subjects only, or import scans of others."
            )
    else:
        if len(subjects) < 2:
            raise SagittalError(
                "Testing takes labelled scans of two subjects at least: one to learn from, one to test."
            )
        count = max(1, round(TESTED_SHARE * len(subjects)))
        order = np.random.default_rng([seed, 2]).permutation(len(subjects))
        tested = {subjects[place] for place in order[:count]}
    return [scan for scan in labelled if subject_of(scan) in tested]


def _refuse_or_note(origins: Sequence[Origin], seen: Mapping[str, set[str]], tested: set[str], allow: bool) -> str:
    sentences = []
    for origin in origins:
        both = sorted(seen[origin.name] & tested)
        if not both:
            continue
        who = f"{len(both)} of the {len(tested)} subjects to be tested ({', '.join(both[:3])}{', …' * (len(both) > 3)})"
        if not allow:
            raise SagittalError(
                f"{origin.title} was trained on scans of {who}. Even without their labels, having seen the very images "
                "it is tested on flatters it. Test on other scans, train a run without these, or set allow_seen, which "
                "marks the result."
            )
        sentences.append(f"{origin.title} was trained on scans of {who}, which flatters it.")
    return " ".join(sentences)


def _with_labels(origins: Sequence[Origin]) -> str:
    titles = [origin.title for origin in origins if origin.facts.get("labels")]
    return f"{', '.join(titles)} learned from labels before, more than the budget says." if titles else ""


def _unknown(origins: Sequence[Origin]) -> str:
    titles = [origin.title for origin in origins if origin.seen is None]
    return (
        f"What {', '.join(titles)} had been trained on is not known, so it may have seen tested scans."
        if titles
        else ""
    )
