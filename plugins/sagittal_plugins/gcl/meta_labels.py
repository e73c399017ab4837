"""Meta labels: cheap attributes of images under which two of them belong together. No torch.

"subject" and "slice_quantile" every study has; any other is a column of its scans' meta labels, such as the phase of
the heart or the scanner. An image whose scan has no value for a label takes part in the other labels only.
"""

from __future__ import annotations

import difflib
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sagittal.facts import Check, ScanFacts
from sagittal.params import OWN_META_LABELS

if TYPE_CHECKING:
    from sagittal_engine.kit.images import ImageSet

SUBJECT, QUANTILE = "subject", "slice_quantile"
NO_ATTRIBUTES = ("labels", "quartile")
"""Targets of images that are no attributes: the truth must not leak into the contrast."""
AXES: Mapping[str, int] = {"axial": 2, "coronal": 1, "sagittal": 0}


def slice_quantile(n_slices: int, parts: int = 4) -> list[int]:
    """The part, 1…`parts`, of each of `n_slices` slices: min(i // length, parts − 1) + 1.

    The length of a part is n_slices / parts, rounded half up as in positional contrast (PCL), and at least one slice.
    Raises ValueError for a number below one.
    """
    if n_slices < 1 or parts < 1:
        raise ValueError(f"there must be at least one slice and one part; got {n_slices} and {parts}.")
    length = max(1, (2 * n_slices + parts) // (2 * parts))
    return [min(i // length, parts - 1) + 1 for i in range(n_slices)]


def values_of(images: ImageSet, name: str, parts: int = 4) -> tuple[str, ...]:
    """The value of meta label `name` of every image, "" where it is not known."""
    unknown = ("",) * len(images)
    if name == SUBJECT:
        return images.subjects
    if name != QUANTILE:
        return images.targets.get(name, unknown) if name not in NO_ATTRIBUTES else unknown
    depths = _depths(images)
    found = {scan: slice_quantile(depth, parts) for scan, depth in depths.items()}
    return tuple(str(found[scan][index]) for scan, index in zip(images.scans, images.slices, strict=True))


def _depths(images: ImageSet) -> dict[str, int]:
    """How many slices each scan has; images know their own place and which share of the way it is."""
    depths = dict.fromkeys(images.scans, 1)
    for scan, index, position in zip(images.scans, images.slices, images.position.tolist(), strict=True):
        whole = round(index / position) + 1 if position > 0 else 1
        depths[scan] = max(depths[scan], whole, index + 1)
    return depths


def useless(values: Sequence[str]) -> str:
    """Why a label with these values (one per image, "" unknown) teaches nothing; "" where it teaches something."""
    counts = Counter(value for value in values if value)
    if not counts:
        return "no image has a value for it"
    if len(counts) == 1:
        return f"every image that has it has the same value, '{next(iter(counts))}', so it tells no two apart"
    if max(counts.values()) == 1:
        return "every image has a value of its own, so no two belong together"
    return ""


def mistaken(values: Sequence[str], share: float, seed: str) -> tuple[str, ...]:
    """`values` with `share` of the known ones replaced by another of the values there are, drawn uniformly.

    The same `seed` makes the same mistakes, and those of a smaller share are among those of a larger one.
    """
    known = sorted({value for value in values if value})
    if not share or len(known) < 2:
        return tuple(values)
    drawn = random.Random(seed)
    places = [n for n, value in enumerate(values) if value]
    drawn.shuffle(places)
    others = {n: drawn.choice([value for value in known if value != values[n]]) for n in places}
    wrong = set(places[: round(share * len(places))])
    return tuple(others[n] if n in wrong else value for n, value in enumerate(values))


def about_scans(
    names: Sequence[str], scans: Sequence[ScanFacts], *, plane: str, patches: int, parts: int
) -> Iterator[Check]:
    """What a study's scans offer for these labels, in words; blocking where a label is unknown or none is of use."""
    if not scans:
        return
    columns = sorted({name for scan in scans for name, value in scan.meta.items() if value})
    offered = [*OWN_META_LABELS, *(name for name in columns if name not in OWN_META_LABELS)]
    kept: dict[str, tuple[str, ...]] = {}
    for name in names:
        if name not in offered:
            yield Check(False, _unknown(name, offered), blocking=True)
            continue
        values = _values(name, scans, plane, patches, parts)
        why = useless(values)
        if why:
            yield Check(False, f"The meta label '{name}' is of no use here and is left out: {why}.")
            continue
        missing = sum(1 for scan in scans if name not in OWN_META_LABELS and not scan.meta.get(name))
        if missing:
            yield Check(
                True, f"{missing} of {len(scans)} scans have no '{name}'; their images take part in the others only."
            )
        twin = next((other for other, own in kept.items() if _same_division(values, own)), None)
        if twin:
            yield Check(False, f"The meta label '{name}' divides the images as '{twin}' does, and adds nothing to it.")
        kept[name] = values
    if kept:
        yield Check(True, f"Contrast under {', '.join(kept)}.")
    elif any(name in offered for name in names):
        yield Check(False, NONE_LEFT.format(offered=", ".join(offered)), blocking=True)


NONE_LEFT = (
    "No meta label is left to contrast images under. Choose others in 'meta_labels' (the study has {offered}), add "
    "more scans, or import a table of attributes with the scans."
)


def _unknown(name: str, offered: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, offered, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"There are {', '.join(offered)}."
    return f"No scan has the meta label '{name}'. {hint} A table with such a column can be imported with the scans."


def _values(name: str, scans: Sequence[ScanFacts], plane: str, patches: int, parts: int) -> tuple[str, ...]:
    """A value per image that the scans can give at most."""
    found: list[str] = []
    for scan in scans:
        depth = 1 if scan.shape[2] == 1 else scan.shape[AXES[plane]] if plane in AXES else patches
        if name == QUANTILE:
            found += map(str, slice_quantile(depth, parts))
        else:
            found += [scan.subject if name == SUBJECT else scan.meta.get(name, "")] * depth
    return tuple(found)


def _same_division(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two labels, known for the same images, put the same images together."""
    pairs = set(zip(one, other, strict=True))
    return len(pairs) == len(set(one)) == len(set(other)) and not any(bool(a) != bool(b) for a, b in pairs)
