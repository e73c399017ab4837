"""DICOM files gathered into series, and series told apart into stacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from sagittal_engine.imaging.dicom import segmentation
from sagittal_engine.imaging.dicom.instance import Instance, read_instance
from sagittal_engine.imaging.dicom.pixels import decodes
from sagittal_engine.imaging.dicom.stack import SAME_DIRECTION, SAME_PLACE, height, is_placed, stack_of
from sagittal_engine.imaging.volume import ImagingError, Source

Refused = list[tuple[Path, str]]

_SLICES = ("CT", "MR", "PT")
"""Modalities whose images are slices of a volume even where the header does not say where they lie."""


def find_series(paths: Sequence[Path], boundary: Callable[[], None]) -> tuple[list[Source], Refused]:
    """One source per stack and per segmentation; refused files with their reasons. `boundary` is called per file."""
    refused: Refused = []
    segmentations: list[Path] = []
    copies: dict[tuple[object, ...], list[Instance]] = defaultdict(list)
    for path in paths:
        boundary()
        try:
            instance = read_instance(path)
        except (ImagingError, OSError) as error:
            if segmentation.is_segmentation(path):
                segmentations.append(path)
            else:
                refused.append((path, _sentence(path, error)))
        else:
            copies[_identity(instance)].append(instance)
    by_series: dict[tuple[str, str], list[Instance]] = defaultdict(list)
    for alike in copies.values():
        kept = alike[0] if len(alike) == 1 else next((one for one in alike if decodes(one)), alike[0])
        by_series[kept.series].append(kept)
        reason = f"repeats the image of {kept.path.name}; one of them is enough."
        refused += [(one.path, f"{one.path.name} {reason}") for one in alike if one is not kept]
    sources = []
    for instances in by_series.values():
        stacks = [stack for group in _alike(instances) for stack in _stacks(group)]
        for number, stack in enumerate(stacks, start=1):
            try:
                files = tuple(dict.fromkeys(frame.path for frame in stack_of(stack).frames))
            except ImagingError as error:
                refused += [(instance.path, str(error)) for instance in stack]
                continue
            sources.append(Source("dicom", files, _name(stack[0], number, len(stacks))))
    for path in segmentations:
        try:
            sources.append(segmentation.source_of(path))
        except (ImagingError, OSError) as error:
            refused.append((path, _sentence(path, error)))
    return sources, refused


def _sentence(path: Path, error: ImagingError | OSError) -> str:
    return str(error) if isinstance(error, ImagingError) else f"{path.name} could not be read: {error.strerror}."


def _identity(instance: Instance) -> tuple[object, ...]:
    """What two copies of one image share; a blank UID is nobody's copy."""
    if not instance.sop_uid:
        return (instance.path,)
    return (instance.sop_uid, instance.number, instance.frames[0].position)


def _alike(instances: Iterable[Instance]) -> list[list[Instance]]:
    """Groups that could lie in one stack: single frames of one size, look and direction; anything else stays alone."""
    groups: list[list[Instance]] = []
    for instance in sorted(instances, key=lambda one: (one.number, str(one.path))):
        home = next((group for group in groups if _could_stack(group[0], instance)), None)
        if home is None:
            groups.append([instance])
        else:
            home.append(instance)
    return groups


def _could_stack(first: Instance, second: Instance) -> bool:
    one, two = first.frames[0], second.frames[0]
    if len(first.frames) > 1 or len(second.frames) > 1:
        return False
    if not (is_placed(one) and is_placed(two)):
        told_alike = is_placed(one) == is_placed(two) and (one.location is None) == (two.location is None)
        if not told_alike or first.modality not in _SLICES or first.modality != second.modality:
            return False
    looks = [(each.rows, each.columns, each.samples, each.photometric, each.sop_class) for each in (first, second)]
    spacings = [each.spacing or (0.0, 0.0) for each in (one, two)]
    if looks[0] != looks[1] or not np.allclose(spacings[0], spacings[1], rtol=1e-3):
        return False
    if one.orientation is None or two.orientation is None:
        return one.orientation is two.orientation
    return float(np.abs(np.subtract(one.orientation, two.orientation)).max()) <= SAME_DIRECTION


def _stacks(group: list[Instance]) -> list[list[Instance]]:
    """Tells apart stacks that lie in the same places: by the first attribute that does it, else by turns."""
    if len(group) == 1 or not _overlaps(group):
        return [group]
    for key in {key: None for instance in group for key in instance.split}:
        parts: dict[str, list[Instance]] = defaultdict(list)
        for instance in group:
            parts[instance.split.get(key, "")].append(instance)
        if len(parts) > 1 and not any(_overlaps(part) for part in parts.values()):
            return list(parts.values())
    turns: list[list[Instance]] = []
    for place in _places(group):
        for turn, instance in enumerate(place):
            if turn == len(turns):
                turns.append([])
            turns[turn].append(instance)
    return turns


def _overlaps(group: Sequence[Instance]) -> bool:
    return len(_places(group)) < len(group)


def _places(group: Sequence[Instance]) -> list[list[Instance]]:
    """Instances gathered by their place along the normal, in order along it; inside a place in order of number."""
    places: list[list[Instance]] = []
    last = -np.inf
    for instance in sorted(group, key=height):
        here = height(instance)
        if here - last > SAME_PLACE:
            places.append([])
        places[-1].append(instance)
        last = here
    return [sorted(place, key=lambda one: (one.number, str(one.path))) for place in places]


def _name(instance: Instance, number: int, of: int) -> str:
    """What people see: modality and description, never a patient's name."""
    said = instance.description.split()[:1] == [instance.modality]
    base = " ".join(part for part in ("" if said else instance.modality, instance.description) if part)
    if not instance.description and "series number" in instance.facts:
        base = f"{base} series {instance.facts['series number']}".strip()
    return (base or "DICOM") + (f" (stack {number} of {of})" if of > 1 else "")
