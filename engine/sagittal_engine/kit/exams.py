"""Exams: which scans belong together, of which plane each is, what is known of their labels, and who is set aside.

No torch. Scans are told apart by their facts alone, so that pages, runs and diagnoses agree about them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sagittal.concurrence import yes_or_no
from sagittal.diagnosis import ExamFacts
from sagittal.engine_port import SagittalError
from sagittal.facts import ScanFacts
from sagittal.method import ScanData
from sagittal_engine.kit.guess_params import PLANE_META, PLANES

EXAM_META = "exam"
"""Attribute that the scans of one exam share."""
PLANE_OF_AXIS = ("sagittal", "coronal", "axial")
"""The plane across each of the canonical axes."""
NO_LABELS = ("exam", "plane", "subject")
"""Attributes that say what a scan is of, not what was found."""
THICKER = 1.25
"""A slice so many times as thick as its pixels are long tells in which plane a scan was taken."""
MOST_CLASSES = 12
"""Values of a meta label that are told apart at most."""
OF_CLASS = ": "
"""Between a meta label of several classes and the class that is told: "acl: healthy"."""


def planes_of(named: str, spacing: Sequence[float], shape: Sequence[int] = ()) -> tuple[str, ...]:
    """The planes in which a scan can be read: the one that its attribute "plane" names, else that across its thickest
    slices, else all three, the axial one first. A picture (depth one) is axial."""
    if named in PLANES:
        return (named,)
    if len(shape) > 2 and shape[2] == 1:
        return ("axial",)
    longest = max(range(3), key=lambda axis: (spacing[axis], axis))
    if spacing[longest] > THICKER * sorted(spacing)[1]:
        return (PLANE_OF_AXIS[longest],)
    return ("axial", "coronal", "sagittal")


def is_of(scan: ScanFacts | ScanData, plane: str) -> bool:
    """Whether a scan can be read in `plane`."""
    return plane in planes_of(scan.meta.get(PLANE_META, ""), scan.spacing, getattr(scan, "shape", ()))


def commonest_plane(scans: Iterable[ScanFacts | ScanData]) -> str:
    """The plane that most of the scans can be read in; of equally many the first of axial, coronal, sagittal."""
    counts = Counter(plane for scan in scans for plane in PLANES if is_of(scan, plane))
    return max(PLANES, key=lambda plane: counts[plane])


def exams_of(scans: Sequence[ScanFacts]) -> list[ExamFacts]:
    """The exams that `scans` make up, by name: those of one subject that share the attribute "exam", or where they have
    none, all of the subject. Of two scans of one plane the second, by name, begins a further exam. Scans whose files
    are not where they were are left out.
    """
    groups: dict[tuple[str, str], list[ScanFacts]] = {}
    for scan in sorted(scans, key=lambda scan: (scan.name, scan.scan)):
        if not scan.missing:
            groups.setdefault((scan.subject or scan.scan, scan.meta.get(EXAM_META, "")), []).append(scan)
    several = Counter(exam for _, exam in groups)
    found = []
    for (subject, exam), own in groups.items():
        known_as = (
            exam if exam and several[exam] == 1 else f"{subject} {exam}".strip() if own[0].subject else own[0].name
        )
        for number, planes in enumerate(_sittings(own), start=1):
            chosen = {scan.scan: scan for scan in planes.values()}
            found.append(
                ExamFacts(
                    exam=known_as if number == 1 else f"{known_as} ({number})",
                    subject=own[0].subject,
                    planes={plane: planes[plane].scan for plane in PLANE_OF_AXIS if plane in planes},
                    labels=_shared(list(chosen.values())),
                )
            )
    return sorted(found, key=lambda exam: exam.exam)


def _sittings(scans: Sequence[ScanFacts]) -> list[dict[str, ScanFacts]]:
    """Plane → scan, as often as a plane repeats. A scan that can be read in any plane takes those left free."""
    told = [(scan, planes_of(scan.meta.get(PLANE_META, ""), scan.spacing, scan.shape)) for scan in scans]
    found: list[dict[str, ScanFacts]] = []
    for scan, planes in sorted(told, key=lambda row: len(row[1])):
        place = next((sitting for sitting in found if not set(planes) <= set(sitting)), None)
        if place is None:
            found.append(place := {})
        place.update({plane: scan for plane in planes if plane not in place})
    return found


def _shared(scans: Sequence[ScanFacts]) -> dict[str, str]:
    first, *others = (scan.meta for scan in scans)
    return {
        name: value
        for name, value in first.items()
        if name not in (PLANE_META, "subject") and all(other.get(name) == value for other in others)
    }


# Labels -----------------------------------------------------------------------------------------------------------


def truth_of(meta: Mapping[str, str], label: str) -> bool | None:
    """What attributes say of a label: of "acl" whether it is yes or no, of "acl: healthy" whether that is its value;
    None where that is not known."""
    if label in meta:
        return yes_or_no(meta[label])
    name, separator, value = label.rpartition(OF_CLASS)
    said = meta.get(name, "") if separator else ""
    return said == value if said else None


def truths_of(meta: Mapping[str, str], labels: Iterable[str]) -> dict[str, bool]:
    """What is known of `labels`; those without a value are left out."""
    return {label: said for label in labels if (said := truth_of(meta, label)) is not None}


def yes_no_labels(metas: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """Attributes whose values are all yes or no, both of them there, by name."""
    found = []
    for name, values in _values(metas).items():
        said = {yes_or_no(value) for value in values}
        if said == {True, False}:
            found.append(name)
    return tuple(sorted(found))


def settled_labels(wanted: Sequence[str], metas: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The outputs that stand for the attributes `wanted`: itself of one that is yes or no, else one for each class, as
    "acl: healthy". None wanted takes all attributes that are yes or no.

    Raises `SagittalError` in words where an attribute is unknown, has one class only, or too many.
    """
    values = _values(metas)
    if not wanted:
        found = yes_no_labels(metas)
        if not found:
            raise SagittalError(
                "No attribute of the scans says yes or no (1 or 0) and has both, so there is nothing to tell apart. "
                f"Name the attribute in 'labels'; there are {', '.join(sorted(values)) or 'none'}."
            )
        return found
    outputs: list[str] = []
    for name in wanted:
        base = name if name in values else name.rpartition(OF_CLASS)[0]
        if base not in values or (base != name and name.rpartition(OF_CLASS)[2] not in values[base]):
            raise SagittalError(
                f"No scan of the plane has the attribute '{name}'; there are {', '.join(sorted(values)) or 'none'}."
            )
        outputs += [name] if base != name else _outputs(name, values[name])
    for label in outputs:
        if len({truth_of(meta, label) for meta in metas} - {None}) < 2:
            known = sum(truth_of(meta, label) is not None for meta in metas)
            raise SagittalError(
                f"All {known} scans whose '{label}' is known have the same value, so there is nothing to tell apart. "
                "Leave that label out, or add exams of the other class."
            )
    return tuple(dict.fromkeys(outputs))


def _values(metas: Sequence[Mapping[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for meta in metas:
        for name, value in meta.items():
            if value and name not in NO_LABELS:
                found.setdefault(name, set()).add(value)
    return found


def _outputs(name: str, values: set[str]) -> list[str]:
    if all(yes_or_no(value) is not None for value in values):
        return [name]
    if len(values) > MOST_CLASSES:
        raise SagittalError(
            f"'{name}' has {len(values)} values, and at most {MOST_CLASSES} classes are told apart. Choose an "
            f"attribute with fewer, or name one class as '{name}{OF_CLASS}{min(values)}'."
        )
    if any("," in value for value in values):
        raise SagittalError(f"The values of '{name}' hold commas, which separate labels. Write them without.")
    return [f"{name}{OF_CLASS}{value}" for value in sorted(values)]


# Who is set aside ---------------------------------------------------------------------------------------------------


def spread_share(units: Mapping[str, str], share: float, seed: int) -> frozenset[str]:
    """A `share` of the units (name → pattern of labels), of every pattern alike: at least one and not all of them,
    where there are two and the share is neither 0 nor 1.

    Which ones follows from their names and the seed, so that a smaller share is part of a larger one, and units that
    come or go hardly change it.
    """
    if not units or share <= 0:
        return frozenset()
    if share >= 1:
        return frozenset(units)
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, pattern in units.items():
        digest = hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
        groups.setdefault(pattern, []).append((digest, name))
    ranked = [
        ((place + 0.5) / len(group), digest, name)
        for group in groups.values()
        for place, (digest, name) in enumerate(sorted(group))
    ]
    count = min(max(1, round(share * len(units))), max(1, len(units) - 1))
    return frozenset(name for _, _, name in sorted(ranked)[:count])


def pattern_of(meta: Mapping[str, str], labels: Sequence[str]) -> str:
    """What is known of the labels, as one word."""
    return "".join({True: "1", False: "0", None: "-"}[truth_of(meta, label)] for label in labels)
