"""What adapters are given of a study: a method with its parameters, and scans in the order of a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.facts import ScanFacts
from sagittal.method import MethodCard
from sagittal.params import ParameterError, Params
from sagittal.run_record import RunFacts
from sagittal.run_request import RunRequest
from sagittal_engine.data import ArrayCache, StudyScan
from sagittal_engine.registry import Registry, implementation, resolve_parameters
from sagittal_engine.service.trained import Trained

if TYPE_CHECKING:
    from sagittal_engine.study import Study

CAPABILITY = "adapter"

PICTURES = ("image", "stereo")
"""Kinds of scans that are one flat picture, as `sagittal_engine.imaging.formats` names them."""


@dataclass(frozen=True)
class Method:
    """An adapter with its parameters."""

    name: str
    """As the user named it: "grata", "grata/fixed-rate"."""
    card: MethodCard
    params: Params


@dataclass(frozen=True)
class Domain:
    """Scans that one network sees, in the order of the stream."""

    name: str
    scans: tuple[ScanFacts, ...]


def adapter_of(registry: Registry, name: str) -> MethodCard:
    """The card of the adapter that `name` says. Raises `SagittalError` where there is none, or it does not adapt."""
    card = registry.card(name.partition("/")[0])
    if CAPABILITY not in card.capabilities:
        known = ", ".join(one.name for one in registry.cards() if CAPABILITY in one.capabilities)
        raise SagittalError(f"{card.title} does not adapt a trained network. Those that do: {known}.")
    return card


def method_of(registry: Registry, name: str, values: Mapping[str, Any]) -> Method:
    """The adapter that `name` says, with the values of the recipe it may name.

    Raises `SagittalError` as `adapter_of`, and where a value does not fit.
    """
    card = adapter_of(registry, name)
    try:
        request = RunRequest(method=card.name, recipe=name.partition("/")[2] or None, parameters=dict(values))
        return Method(name, card, resolve_parameters(card, request))
    except ParameterError as error:
        raise SagittalError(str(error)) from error


def adopted(method: Method, trained: Trained, module: Any) -> Any:
    """The adapter, with `module` (a copy of the trained one) adopted."""
    adapter = implementation(method.card)(method.params, trained.context)
    try:
        adapter.adopt(trained.method, module)
    except ValueError as error:
        raise SagittalError(f"{method.card.title} cannot adapt this run: {error}") from error
    return adapter


def stream_of(study: Study, facts: RunFacts, asked: Sequence[str]) -> list[ScanFacts]:
    """The scans asked for, in their order, or all that the run was not trained on, by name."""
    if asked:
        chosen = [study.find(scan) for scan in asked]
    else:
        seen = set(facts.scans)
        chosen = sorted((s for s in study.facts().scans if s.scan not in seen), key=lambda s: (s.name, s.scan))
        if not chosen:
            raise SagittalError(
                "The run was trained on every scan of the study, so there is none to adapt to. Import scans of another "
                "scanner, or name some to adapt to all the same."
            )
    gone = [scan.name for scan in chosen if scan.missing]
    if gone:
        raise SagittalError(f"The files of {', '.join(gone)} are not where they were. Put them back, then try again.")
    return chosen


def domains_of(scans: Sequence[ScanFacts], column: str) -> list[Domain]:
    """The scans by their meta label `column`, in the order in which values come; all together without a column.

    Raises `SagittalError` where a scan has no such meta label.
    """
    if not column:
        return [Domain("", tuple(scans))]
    bare = [scan.name for scan in scans if not scan.meta.get(column)]
    if bare:
        known = sorted({name for scan in scans for name in scan.meta})
        there = f" The scans have {', '.join(known)}." if known else " The scans have no meta labels."
        more = f" and {len(bare) - 3} more" if len(bare) > 3 else ""
        lack = "has" if len(bare) == 1 else "have"
        raise SagittalError(
            f"{', '.join(bare[:3])}{more} {lack} no meta label '{column}' to divide the stream by.{there} Import a "
            "table with that column, or leave the domain out."
        )
    found: dict[str, list[ScanFacts]] = {}
    for scan in scans:
        found.setdefault(scan.meta[column], []).append(scan)
    return [Domain(name, tuple(own)) for name, own in found.items()]


def lent_scans(study: Study, scans: Sequence[ScanFacts], label_set: str) -> dict[str, StudyScan]:
    images = ArrayCache()
    return {scan.scan: StudyScan(study, scan, label_set, images) for scan in scans}


def cautions(study: Study, facts: RunFacts, domains: Sequence[Domain]) -> list[str]:
    """What a user should know of a stream before it begins, a sentence each: domains of one scan, and scans that are of
    another kind than all that the run was trained on."""
    said = []
    alone = [domain.name for domain in domains if domain.name and len(domain.scans) == 1]
    if alone:
        each = " each" if len(alone) > 1 else ""
        said.append(
            f"Of {', '.join(alone)} there is one scan{each}: the network adapts to it from the trained weights alone."
        )
    return said + strangers(study, facts, [scan for domain in domains for scan in domain.scans])


def strangers(study: Study, facts: RunFacts, scans: Sequence[ScanFacts]) -> list[str]:
    """Scans that are of another kind than all that the run was trained on, a sentence for each kind."""
    said = []
    known = {scan.scan: scan for scan in study.facts().scans}
    trained_on = [known[scan] for scan in facts.scans if scan in known]
    kind: Callable[[ScanFacts], str]
    for what, kind in (
        ("modality", lambda s: s.modality),
        ("kind", lambda s: "picture" if s.kind in PICTURES else "scan"),
    ):
        seen = {kind(scan) for scan in trained_on} - {""}
        odd = [scan for scan in scans if kind(scan) and seen and kind(scan) not in seen]
        if odd:
            named = ", ".join(f"{scan.name} ({kind(scan)})" for scan in odd[:3])
            more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
            said.append(
                f"{named}{more}: of another {what} than the run was trained on ({', '.join(sorted(seen))}). The "
                "network was not made for that; look at the masks."
            )
    return said
