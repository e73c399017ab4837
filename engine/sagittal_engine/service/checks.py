"""What a request needs against what the study has, in words. No torch."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagittal.engine_port import SagittalError
from sagittal.facts import Check, ScanFacts, StudyFacts
from sagittal.method import MethodCard
from sagittal.params import ParameterError, Params
from sagittal.run_request import RunRequest
from sagittal_engine.device import resolve_if_loaded
from sagittal_engine.probes.cards import probe_of
from sagittal_engine.registry import Registry, resolve_parameters
from sagittal_engine.store.encoder import encoder_facts, find_encoder

ENOUGH_DISK = 2 * 2**30
"""Free bytes below which a run is warned of; a large encoder's two checkpoints take about one GB."""
TOO_LITTLE_DISK = 2**28


def chosen_scans(request: RunRequest, facts: StudyFacts) -> tuple[ScanFacts, ...]:
    """The request's scans (by id, its unique beginning, or name), sorted by id; all of the study where none are named.

    Raises `SagittalError` that lists what was not found.
    """
    if not request.scans:
        return tuple(sorted(facts.scans, key=lambda s: s.scan))
    found = {name: _match(name, facts.scans) for name in request.scans}
    missing = [name for name, scan in found.items() if scan is None]
    if missing:
        raise SagittalError(
            f"Not in the study: {', '.join(missing)}. The study has {len(facts.scans)} scans; name them by id or name."
        )
    return tuple(sorted({s.scan: s for s in found.values() if s is not None}.values(), key=lambda s: s.scan))


def _match(name: str, scans: Sequence[ScanFacts]) -> ScanFacts | None:
    exact = [s for s in scans if name in (s.scan, s.name)]
    near = exact or [s for s in scans if name and s.scan.startswith(name)]
    return near[0] if len(near) == 1 else None


def check_request(
    request: RunRequest, facts: StudyFacts, registry: Registry, folder: Path, trained: bool
) -> list[Check]:
    """One line per need. `trained` says whether the study has a run whose method segments."""
    lines: list[Check] = []
    params: Params | None = None
    try:
        card = registry.card(request.method)
        scans = chosen_scans(request, facts)
    except SagittalError as error:
        return [_no(str(error))]
    if "pretext" not in card.capabilities:
        lines.append(_no(f"{card.title} does not train by itself; start it from a trained run."))
    else:
        try:
            params = settled_parameters(card, request, scans, folder / "runs")
            lines.append(Check(True, "Every parameter is within its range."))
        except (ParameterError, SagittalError) as error:
            lines.append(_no(str(error)))
    data = getattr(params, "data", "")
    used = scans if params is None else params.used(scans)
    lines += _about_data(data) if data else _about_scans(card, request, used, trained)
    if params is not None and not data:
        lines += params.about_scans(scans)
    lines += _about_probes(card, request)
    lines += _about_place(request, facts, folder)
    return lines


@dataclass(frozen=True)
class _Given:
    """`sagittal.params.Given` of the open study."""

    scans: tuple[ScanFacts, ...]
    label_set: str
    runs: Path

    def encoder(self, start: str) -> Mapping[str, Any]:
        return encoder_facts(find_encoder(self.runs, start))


def settled_parameters(card: MethodCard, request: RunRequest, scans: Sequence[ScanFacts], runs: Path) -> Any:
    """Every parameter's final value, with what follows from the chosen scans filled in; `runs` is where runs lie.

    Raises `ParameterError` or `SagittalError` in words where one is out of its range or does not fit the study.
    """
    return resolve_parameters(card, request).settled(_Given(tuple(scans), request.label_set, runs))


def _no(text: str) -> Check:
    return Check(False, text, blocking=True)


def _about_data(data: str) -> list[Check]:
    """Of a parameter 'data', which names images to train on in place of the study's scans."""
    if not Path(data).exists():
        return [_no(f"There is no file or folder {data}. Choose another in 'data', or leave it empty for scans.")]
    return [Check(True, f"Images of {data} to train on, in place of the study's scans.")]


def _about_scans(card: MethodCard, request: RunRequest, scans: Sequence[ScanFacts], trained: bool) -> Iterator[Check]:
    needs, count = card.needs, len(scans)
    plural = "scan" if count == 1 else "scans"
    if count < needs.scans:
        yield _no(f"{card.title} needs at least {needs.scans} scans; {count} chosen. Import scans, or choose more.")
    else:
        yield Check(True, f"{count} {plural} to train on.")
    modalities = Counter(s.modality for s in scans if s.modality)
    if len(modalities) > 1:
        listed = ", ".join(f"{count} {name}" for name, count in modalities.most_common())
        yield Check(False, f"The scans are of several modalities ({listed}), and one network learns from all of them.")
    missing = [s.name for s in scans if s.missing]
    if missing:
        yield _no(f"The files of {_list(missing)} are not where they were. Bring them back, or leave these scans out.")
    if needs.labels:
        bare = [s.name for s in scans if all(own.name != request.label_set for own in s.label_sets)]
        if bare:
            yield _no(f"{card.title} needs the labels '{request.label_set}'; {_list(bare)} have none.")
        else:
            yield Check(True, f"Every scan has the labels '{request.label_set}'.")
    if needs.meta_labels:
        poor = [s.name for s in scans if len(s.meta) < needs.meta_labels]
        if poor:
            yield _no(f"{card.title} needs {needs.meta_labels} meta labels on every scan; {_list(poor)} have fewer.")
        else:
            yield Check(True, "Every scan has the meta labels it needs.")
    if needs.domains:
        domains = {s.meta.get("domain", "") for s in scans} - {""}
        if len(domains) < 2:
            yield _no(f"{card.title} needs scans of two domains: set the meta label 'domain'. Found: {len(domains)}.")
        else:
            yield Check(True, f"Scans of {len(domains)} domains.")
    if needs.segmenter:
        yield (
            Check(True, "A trained segmenter is there.")
            if trained
            else _no(f"{card.title} starts from a trained segmenter, and this study has none yet. Train one first.")
        )


def _about_probes(card: MethodCard, request: RunRequest) -> Iterator[Check]:
    for text in request.probes:
        try:
            probe, _ = probe_of(text)
        except SagittalError as error:
            yield _no(str(error))
            continue
        missing = [need for need in probe.needs if need not in card.capabilities]
        if missing:
            yield _no(f"{probe.title} needs a method with {_list(missing)}, which {card.title} has not. Leave it out.")
        else:
            yield Check(True, f"{probe.title} can be measured.")


def _about_place(request: RunRequest, facts: StudyFacts, folder: Path) -> Iterator[Check]:
    try:
        resolve_if_loaded(request.device)
        auto = "It computes on a CUDA card where torch finds one, else on the processor."
        yield Check(True, auto if request.device == "auto" else f"The device '{request.device}' is there.")
    except SagittalError as error:
        yield _no(str(error))
    if facts.read_only:
        yield _no(f"The study is open for reading only, so no run can be kept in it. {facts.why_read_only}")
    free = shutil.disk_usage(folder).free
    amount = f"{free / 2**30:.1f} GB free where the study lies"
    if free < TOO_LITTLE_DISK:
        yield _no(f"Only {amount}: too little for a checkpoint. Free some space.")
    else:
        yield Check(
            free >= ENOUGH_DISK, f"{amount}." if free >= ENOUGH_DISK else f"Only {amount}; long runs need more."
        )


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
