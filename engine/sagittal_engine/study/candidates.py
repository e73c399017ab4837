"""What an import found, before anything is written: images, the label maps that belong to them, and refusals."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sagittal.engine_port import SagittalError
from sagittal_engine import imaging
from sagittal_engine.imaging.naming import stem
from sagittal_engine.study import layouts, pairing
from sagittal_engine.study.layouts import Member, Recognised

Boundary = Callable[[], None]


@dataclass(frozen=True, eq=False)
class LabelCandidate:
    """A label map chosen for an image."""

    source: imaging.Source
    header: imaging.Header
    label_set: str
    paired_by: str
    names: Mapping[int, str] = field(default_factory=dict)
    """What the data set calls its label numbers; else tables beside the file may."""


@dataclass(eq=False)
class Candidate:
    """One image on its way into the study."""

    source: imaging.Source
    header: imaging.Header
    labels: list[LabelCandidate] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    layout: str = ""
    """The layout it was recognised by, and what that tells of it."""
    member: Member = field(default_factory=lambda: Member(Path()))


@dataclass
class Findings:
    """Everything that was found, each file once."""

    images: list[Candidate] = field(default_factory=list)
    loose_labels: list[tuple[imaging.Source, imaging.Header]] = field(default_factory=list)
    """Files named as label maps that no image goes with."""
    segmentations: list[tuple[imaging.Source, imaging.Header]] = field(default_factory=list)
    """DICOM segmentations of series that were not found with them."""
    refused: dict[Path, str] = field(default_factory=dict)
    recognised: list[Recognised] = field(default_factory=list)
    """Published data sets among the files."""


def look(
    paths: Sequence[Path],
    labels: Sequence[Path],
    progress: Callable[[int, int, str], None],
    boundary: Boundary,
    layout: str = layouts.AUTO,
) -> Findings:
    """Finds images and label maps among `paths`; `labels` are label maps in the order of the images.

    Without `labels`, data sets that are laid out as `layout` says (see `layouts.recognise`) are recognised; the rest
    is paired by name. Raises `SagittalError` where `labels` are not as many as the images, or nothing has the `layout`.
    """
    layouts.check(layout)
    progress(0, 0, "Looking through the files")
    if not labels:
        paths = [*paths, *layouts.listed(paths, layout)]
    found = Findings()
    chosen = [_one(path, found, boundary) for path in labels]
    explicit = {item.path for item in chosen if item is not None}
    items: list[tuple[imaging.Source, imaging.Header]] = []
    discovery = imaging.discover(paths, boundary)
    found.refused.update((refusal.path, refusal.reason) for refusal in discovery.refused)
    if not labels:
        explicit |= _take_by_layout(discovery, layout, found, boundary)
    for item in discovery.items:
        if item.path not in explicit:
            _probe(item, items, found, boundary)
    if labels:
        _take_in_order(items, chosen, labels, found)
    else:
        _take_by_name(items, found)
        _describe(found)
        _miss_labels(paths, found)
    return found


def _one(path: Path, found: Findings, boundary: Boundary) -> imaging.Source | None:
    discovery = imaging.discover([path], boundary)
    if len(discovery.items) > 1:
        raise SagittalError(f"{path} holds {len(discovery.items)} images. Name one label map with each --labels.")
    found.refused.update((refusal.path, refusal.reason) for refusal in discovery.refused)
    return discovery.items[0] if discovery.items else None


def _probe(
    item: imaging.Source, items: list[tuple[imaging.Source, imaging.Header]], found: Findings, boundary: Boundary
) -> None:
    boundary()
    try:
        items.append((item, imaging.probe(item)))
    except SagittalError as error:
        found.refused.update((file, str(error)) for file in (*item.files, *item.companions))


def _take_by_layout(discovery: imaging.Discovery, layout: str, found: Findings, boundary: Boundary) -> set[Path]:
    """Takes what recognised data sets say is an image or its label map; returns the files that are settled."""
    files = [file for item in discovery.items for file in (*item.files, *item.companions)]
    found.recognised = layouts.recognise([*files, *(refusal.path for refusal in discovery.refused)], layout)
    items = {item.path: item for item in discovery.items}
    settled: set[Path] = set()
    for one in found.recognised:
        for member in one.found.members:
            if member.truths is None and not member.kind:
                continue  # its label map is found by name, with everything else's
            boundary()
            settled |= {member.image, *(file for truth in (member.truths or {}).values() for file in truth.files)}
            _take_member(one, member, items, found)
        for path, reason in one.found.left.items():
            item = items.get(path)
            found.refused.update((file, reason) for file in (item.files if item is not None else (path,)))
            settled.add(path)
    return settled


def _take_member(one: Recognised, member: Member, items: Mapping[Path, imaging.Source], found: Findings) -> None:
    own = items.get(member.image)
    if member.kind:
        own = imaging.Source(member.kind, (member.image,), stem(member.image))
    try:
        if own is None:
            part = f"{member.image.name} is a part of another image, not one of its own."
            raise SagittalError(found.refused.get(member.image, part))
        source = replace(own, name=member.name or own.name)
        image = Candidate(source, imaging.probe(source), layout=one.layout, member=member)
    except SagittalError as error:
        found.refused.update((file, str(error)) for file in (own.files if own is not None else (member.image,)))
        for file in (file for truth in (member.truths or {}).values() for file in truth.files):
            found.refused[file] = f"{file.name} is the label map of {member.image.name}, which is refused."
        return
    found.images.append(image)
    found.refused.pop(member.image, None)
    for label_set, truth in (member.truths or {}).items():
        first = truth.files[0]
        labels = imaging.Source(truth.kind, truth.files, stem(first)) if truth.kind else items.get(first)
        try:
            if labels is None:
                raise SagittalError(found.refused.get(first, f"{first.name} is no label map that can be read."))
            header = imaging.probe(labels)
        except SagittalError as error:
            found.refused.update((file, str(error)) for file in truth.files)
            image.warnings.append(f"Its label map {first.name} could not be used.")
            continue
        image.labels.append(LabelCandidate(labels, header, label_set, f"the layout of {one.title}", truth.names))
        for file in truth.files:
            found.refused.pop(file, None)


def _describe(found: Findings) -> None:
    """Gives images whose label maps were found by name what their data set tells of them."""
    told = {member.image: (one.layout, member) for one in found.recognised for member in one.found.members}
    for image in found.images:
        if not image.layout and image.source.path in told:
            image.layout, image.member = told[image.source.path]
            image.source = replace(image.source, name=image.member.name or image.source.name)


def _take_in_order(
    items: list[tuple[imaging.Source, imaging.Header]],
    chosen: list[imaging.Source | None],
    labels: Sequence[Path],
    found: Findings,
) -> None:
    images = items
    if len(images) != len(chosen):
        named = [_named(source, header) for source, header in items]
        images = [item for item, name in zip(items, named, strict=True) if not pairing.is_named_label(name)]
    if len(images) != len(chosen):
        raise SagittalError(
            f"{len(chosen)} label maps were given for {len(images)} images. Give one for each image, in the same order."
        )
    found.loose_labels += [item for item in items if item not in images]
    for (source, header), label, path in zip(images, chosen, labels, strict=True):
        image = Candidate(source, header)
        found.images.append(image)
        if label is None:
            image.warnings.append(f"The label map {path.name} given for it could not be used.")
            continue
        try:
            image.labels.append(LabelCandidate(label, imaging.probe(label), "truth", "given by hand"))
        except SagittalError as error:
            found.refused[label.path] = str(error)
            image.warnings.append(f"The label map {path.name} given for it could not be used.")


def _take_by_name(items: list[tuple[imaging.Source, imaging.Header]], found: Findings) -> None:
    found.segmentations += [item for item in items if item[0].kind == "dicom-seg"]
    items = [item for item in items if item[0].kind != "dicom-seg"]
    named = [_named(source, header) for source, header in items]
    pairs = pairing.pair(named)
    labels = {pair.label for pair in pairs}
    images: dict[int, Candidate] = {}
    for index, ((source, header), name) in enumerate(zip(items, named, strict=True)):
        if index in labels:
            continue
        if pairing.is_named_label(name) and index not in {pair.image for pair in pairs}:
            found.loose_labels.append((source, header))
        else:
            images[index] = Candidate(source, header)
    for pair in pairs:
        if pair.image not in images:
            found.loose_labels.append(items[pair.label])
            continue
        taken = images[pair.image].labels
        label_set = "truth" if not taken else f"truth {pair.word or len(taken) + 1}"
        if any(label.label_set == label_set for label in taken):
            label_set = f"truth {len(taken) + 1}"
        taken.append(LabelCandidate(*items[pair.label], label_set, pair.rule))
    found.images += images.values()
    found.segmentations = [item for item in found.segmentations if not _joined(*item, found)]


def join(source: imaging.Source, header: imaging.Header, image: Candidate, taken: Collection[str] = ()) -> None:
    """Takes a DICOM segmentation for a label map of `image`; its label set has a name not among `taken`."""
    names = {*taken, *(label.label_set for label in image.labels)}
    free = (f"{source.name} {number}" for number in itertools.count(2))
    name = source.name if source.name not in names else next(one for one in free if one not in names)
    image.labels.append(LabelCandidate(source, header, name, "the series it refers to"))


def _joined(source: imaging.Source, header: imaging.Header, found: Findings) -> bool:
    """Whether a segmentation need not be looked at any more: joined to its image, or refused."""
    from sagittal_engine.imaging.dicom import segmentation

    try:
        wanted = segmentation.references(source.path)
    except (SagittalError, OSError) as error:
        found.refused[source.path] = str(error)
        return True
    image = next((one for one in found.images if refers_to(wanted, one.source)), None)
    if image is not None:
        join(source, header, image)
    return image is not None


def refers_to(wanted: Collection[str], source: imaging.Source) -> bool:
    """Whether a segmentation that names the UIDs `wanted` was drawn on `source`: on its images, or on its series."""
    from sagittal_engine.imaging.dicom.instance import read_instance

    if source.kind != "dicom":
        return False
    try:
        first = read_instance(source.path)
    except (SagittalError, OSError):
        return False
    return first.sop_uid in wanted or first.series[1] in wanted


def _named(source: imaging.Source, header: imaging.Header) -> pairing.Named:
    series = source.kind == "dicom" and len(source.files) > 1
    own = source.kind == "dicom" and not series
    return pairing.Named(
        source.path, stem(source.path), is_series=series or own, says_labels=header.looks_like_labels and not own
    )


def _miss_labels(paths: Sequence[Path], found: Findings) -> None:
    """Warns of an image without a label map where one of its kind has one in its folder, or in one of the same name."""
    for root in paths:
        inside = [image for image in found.images if image.source.path.is_relative_to(root.absolute())]
        labelled = {(image.source.kind, image.source.path.parent.name) for image in inside if image.labels}
        for image in inside:
            unlabelled = not image.labels and image.member.truths is None
            if unlabelled and (image.source.kind, image.source.path.parent.name) in labelled:
                image.warnings.append("No label map was found for it, although others beside it have one.")
