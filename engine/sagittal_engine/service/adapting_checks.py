"""What an adaptation needs of its run and scans, in words, before it begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sagittal.engine_port import SagittalError
from sagittal.events import Event
from sagittal.facts import AdaptRequest, Check, ScanFacts
from sagittal_engine.registry import Registry
from sagittal_engine.service.predicting import CAPABILITY
from sagittal_engine.service.streams import (
    Method,
    adopted,
    cautions,
    domains_of,
    lent_scans,
    method_of,
    stream_of,
)
from sagittal_engine.service.trained import Trained, load_trained
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

EVERY = {"norms": "every"}
"""What lets an adapter move the normalisations of a network that has no batch normalisation."""


def check_adaptation(study: Study, folder: RunFolder, registry: Registry, request: AdaptRequest) -> list[Check]:
    """A line per need. The network is loaded to look at its normalisations, and nothing is changed."""
    facts = folder.facts()
    name = f"{request.method}/{request.recipe}" if request.recipe else request.method
    try:
        method = method_of(registry, name, request.parameters)
        scans = stream_of(study, facts, request.scans)
        domains = domains_of(scans, request.domain)
    except SagittalError as error:
        return [Check(False, str(error), blocking=True)]
    if study.read_only:
        why = f"The study is open for reading only, so no mask can be kept in it. {study.why_read_only}"
        return [Check(False, why, blocking=True)]
    lines = list(_about_scans(scans, facts.scans, request.label_set))
    lines += [Check(False, caution) for caution in cautions(study, facts, domains)]
    return [*lines, _about_network(study, folder, registry, method, scans)]


def _about_scans(scans: Sequence[ScanFacts], seen: Sequence[str], label_set: str) -> Iterator[Check]:
    yield Check(True, f"{len(scans)} {'scan' if len(scans) == 1 else 'scans'} to adapt to, in this order.")
    known = [scan.name for scan in scans if scan.scan in set(seen)]
    if known:
        more = f" and {len(known) - 3} more" if len(known) > 3 else ""
        yield Check(False, f"The run was trained on {', '.join(known[:3])}{more}: what is measured there says little.")
    told = sum(any(one.name == label_set and one.labels for one in scan.label_sets) for scan in scans)
    if told == len(scans):
        yield Check(True, f"Every scan has labels '{label_set}', so Dice is told before and after.")
    elif told:
        yield Check(True, f"{told} of {len(scans)} scans have labels '{label_set}': Dice is told of those.")
    else:
        yield Check(
            False,
            f"No scan has labels '{label_set}', so whether adapting helps is told by certainty and by your eyes alone.",
        )


def _about_network(
    study: Study, folder: RunFolder, registry: Registry, method: Method, scans: Sequence[ScanFacts]
) -> Check:
    lent = list(lent_scans(study, scans[:1], "truth").values())
    task = Task("check", "Looking at the network", _unheard)
    try:
        trained = load_trained(study, folder, registry, lent, task, capability=CAPABILITY, changes={})
        wrong = _refusal(method, trained)
    except SagittalError as error:
        return Check(False, str(error), blocking=True)
    if not wrong:
        return Check(True, f"{method.card.title} finds in the network what it adapts.")
    if getattr(method.params, "norms", "every") != "every":
        other = replace(method, params=method.params.model_copy(update=EVERY))
        if not _refusal(other, trained):
            return Check(False, wrong, blocking=True, mend=EVERY)
    return Check(False, wrong, blocking=True)


def _refusal(method: Method, trained: Trained) -> str:
    """Why the method cannot adapt the network; empty where it can."""
    try:
        adopted(method, trained, trained.module)
    except SagittalError as error:
        return str(error)
    return ""


def _unheard(_event: Event) -> None:
    """Nobody follows a check."""
