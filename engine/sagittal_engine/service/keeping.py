"""Which mask of an adapted run's scan is kept: the adapted one, or the one before adapting in its place. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from sagittal.engine_port import SagittalError
from sagittal.facts import LabelSetFacts, ScanFacts
from sagittal.run_record import RunFacts

if TYPE_CHECKING:
    from sagittal_engine.study import Study

SET_ASIDE = "set_aside"
"""In the origin of a label set of adapted masks that holds the mask before adapting: where the adapted one is."""
NOTHING: Mapping[str, str] = MappingProxyType({})


def keep_mask(study: Study, facts: RunFacts, scan: str, *, adapted: bool) -> None:
    """Makes the run's label set of `scan` hold the adapted mask, or else the one before adapting.

    The adapted mask is kept in a label set of its own meanwhile, so either can be chosen again. Raises `SagittalError`
    where the run was not adapted, has no masks of the scan, or a reader reviewed the mask that would give way.
    """
    if facts.adapted is None:
        raise SagittalError(f"The run {facts.run} was trained, not adapted, so there is no mask before adapting.")
    found = study.find(scan)
    own, before = facts.adapted.label_set, facts.adapted.before_set
    shown = _set_of(found, own, facts.run)
    aside = str(shown.origin.get(SET_ASIDE, ""))
    if adapted is not bool(aside):
        return
    if shown.review in ("accepted", "corrected") or shown.origin.get("edited"):
        raise SagittalError(
            f"The mask of {found.name} in '{own}' was reviewed or corrected, and the other one would replace it. Take "
            "the review back on the Results page first."
        )
    if adapted:
        _copy(study, found, _set_of(found, aside, facts.run), own)
    else:
        kept, aside = _set_of(found, before, facts.run), f"{own}-set-aside"
        _copy(study, found, shown, aside)
        _copy(study, found, kept, own, {SET_ASIDE: aside})


def _set_of(scan: ScanFacts, name: str, run: str) -> LabelSetFacts:
    found = next((one for one in scan.label_sets if one.name == name), None)
    if found is None or found.origin.get("adaptation") != run:
        what = "has no" if found is None else "has masks of something else in the"
        raise SagittalError(f"{scan.name} {what} label set '{name}', so there is no mask of run {run} in it to keep.")
    return found


def _copy(study: Study, scan: ScanFacts, source: LabelSetFacts, target: str, more: Mapping[str, str] = NOTHING) -> None:
    """Writes the masks of a label set into another, with where they come from and what was measured of them."""
    figures = {
        name: {"entropy": one.entropy, "disagreement": one.disagreement, "agreement": dict(one.agreement)}
        for name, one in source.figures.items()
    }
    origin = {**source.origin, **more, "figures": figures}
    study.write_prediction(scan.scan, target, study.masks(scan.scan, source.name), origin, source.confidence)
