"""Import: from files and folders to rows of the catalogue, one scan at a time, with a report of every file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import func, select

from sagittal.engine_port import SagittalError
from sagittal.facts import Label, colour_of
from sagittal_engine import imaging
from sagittal_engine.study import label_names, layouts, locations, resample
from sagittal_engine.study.candidates import Candidate, LabelCandidate, join, look, refers_to
from sagittal_engine.study.catalogue import rows_of, subject_of
from sagittal_engine.study.layouts import Member, recognised
from sagittal_engine.study.meta import read_meta
from sagittal_engine.study.tables import LabelSetRow, LabelTableRow, MetaRow, ScanRow

if TYPE_CHECKING:
    from sagittal_engine.study.study import Study

Array = np.ndarray[Any, Any]
Report = dict[str, Any]

LEFT_OUT = "{name} lies on another grid than its image and was not to be resampled. {difference}"

MOST_LABELS = 256
"""A file whose name says "label" and that holds more different values than this is taken for an image after all."""


class Import:
    """One import into one study. `boundary` may raise between any two files; what was finished stays.

    `resample` are the label maps of another grid that may be brought onto their image's; None for all.
    """

    def __init__(
        self,
        study: Study,
        progress: Callable[[int, int, str], None],
        boundary: Callable[[], None],
        resample: Sequence[Path] | None = None,
    ) -> None:
        self.study, self.progress, self.boundary = study, progress, boundary
        self._resample = None if resample is None else {Path(path).absolute() for path in resample}
        self.imported: list[Report] = []
        self.refused: dict[Path, str] = {}
        self._used: set[Path] = set()
        self._members: list[tuple[str, Member]] = []
        """Layout and member of every scan imported or told more of."""

    def run(
        self, paths: Sequence[Path], labels: Sequence[Path], meta: Path | None, layout: str = layouts.AUTO
    ) -> Report:
        """Imports and returns the report; an exception of `boundary` gets a note on what stays and goes on up."""
        try:
            found = look([Path(p) for p in paths], [Path(p) for p in labels], self.progress, self.boundary, layout)
            self.refused.update(found.refused)
            for source, header in found.loose_labels:
                self._loose(source, header, found.images)
            for source, header in found.segmentations:
                self._of_study(source, header, found.images)
            for done, candidate in enumerate(found.images):
                self.boundary()
                self.progress(done, len(found.images), f"Reading {candidate.source.name}")
                self._take(candidate)
        except BaseException as error:
            error.add_note(f"{len(self.imported)} scans were imported before that and stay in the study.")
            raise
        report: Report = {
            "imported": self.imported,
            "refused": [],
            "layouts": recognised.described(found.recognised, self._members),
        }
        if meta is not None:
            report["meta"] = self._apply_meta(Path(meta).absolute())
        for file in self._used:
            self.refused.pop(file, None)
        tables = recognised.tables(found.recognised)
        for file in (file for file in self.refused if file in tables):
            self.refused[file] = f"{file.name} tells of scans of {tables[file]}; none of them was imported now."
        for file in (file for file in self.refused if file.suffix.lower() == ".csv" and file not in tables):
            self.refused[file] = f"{file.name} is a table, not an image. Give it with --meta to use its columns."
        report["refused"] += [{"path": str(path), "reason": reason} for path, reason in self.refused.items()]
        report["refused"] += [
            {"path": report["meta"]["path"], "reason": reason} for reason in report.get("meta", {}).get("unknown", ())
        ]
        self.progress(len(found.images), len(found.images), f"{len(self.imported)} scans imported")
        return report

    def _loose(self, source: imaging.Source, header: imaging.Header, images: list[Candidate]) -> None:
        """A file named as a label map that no image goes with: refused, unless its voxels are an image's."""
        self.boundary()
        try:
            labels = imaging.label_map(imaging.read(source)).data
        except SagittalError:
            images.append(
                Candidate(source, header, warnings=["Named like a label map, but its voxels are an image's."])
            )
            return
        if np.unique(labels).size > MOST_LABELS:
            images.append(
                Candidate(source, header, warnings=["Named like a label map, but its voxels are an image's."])
            )
            return
        reason = f"{source.path.name} is a label map, and no image goes with it by name. Give its image with --labels."
        twin = self._twin(voxel_digest(labels), images)
        if twin:
            reason += f" It is, voxel for voxel, the label map of {twin}."
        self._refuse(source, reason)

    def _of_study(self, source: imaging.Source, header: imaging.Header, images: list[Candidate]) -> None:
        """A DICOM segmentation that came alone: joined to the scan of the study that it refers to, else refused."""
        self.boundary()
        try:
            home = home_of(self.study, source, images)
        except SagittalError as error:
            self._refuse(source, str(error))
            return
        if home is None:
            reason = f"{source.path.name} is a DICOM segmentation of a series that is not in the study."
            self._refuse(source, f"{reason} Import that first.")
            return
        image, taken = home
        if image not in images:
            images.append(image)
        join(source, header, image, taken)

    def _take(self, candidate: Candidate) -> None:
        """Imports one image with its label maps in one transaction."""
        source, header = candidate.source, candidate.header
        try:
            scan = imaging.content_id(source, self.boundary)
            known = self._known(scan)
            if known is not None and not self._adds_to(known, candidate):
                return
            volume = imaging.read(source)
            warnings = [*volume.warnings, *_looks_like_labels(volume), *candidate.warnings]
        except (SagittalError, OSError, MemoryError) as error:
            reason = str(error) or f"{source.path.name} does not fit into memory."
            self._refuse(source, reason)
            for label in candidate.labels:
                self._refuse(
                    label.source, f"{label.source.path.name} is the label map of {source.name}, which is refused."
                )
            return
        del volume
        member = candidate.member
        files = [*source.files, *source.companions, *member.tables]
        found = [self._label_set(scan, header, label, warnings, files) for label in candidate.labels]
        sets = [label_set for label_set in found if label_set is not None]
        tables = [
            rows_of(_named(label.names, label.names))
            for label, label_set in zip(candidate.labels, found, strict=True)
            if label_set is not None
        ]
        with self.study.catalogue.writing() as session:
            row = session.get(ScanRow, scan)
            if row is None:
                name = self._free_name(source)
                nameless = f"subject {scan[:6]}" if source.kind == "dicom" else name
                row = ScanRow(
                    id=scan,
                    place=(session.scalar(select(func.max(ScanRow.place))) or 0) + 1,
                    name=name,
                    subject=subject_of(session, member.subject or header.subject or nameless),
                    kind=source.kind,
                    shape=list(header.shape),
                    spacing=list(header.spacing),
                    orientation=header.orientation,
                    modality=header.modality or member.modality,
                    meta=[
                        MetaRow(key=key, value=value)
                        for key, value in {**header.facts, **member.attributes}.items()
                        if value
                    ],
                )
                session.add(row)
            elif row.removed:
                self.study.store.restore(scan)
                warnings.append("It had been removed from this study and was brought back.")
            else:
                warnings.append("The image was in the study already; its label map was added.")
            row.removed = False
            row.files = locations.remember(source.files, self.study.path)
            row.warnings = list(dict.fromkeys(warnings))
            for label_set, names in zip(list(sets), tables, strict=True):
                if any(have.name == label_set.name for have in row.label_sets):
                    sets.remove(label_set)
                    continue
                row.label_sets.append(label_set)
                if session.get(LabelTableRow, label_set.name) is None:
                    session.add(LabelTableRow(name=label_set.name, labels=names or label_set.labels))
            paired = {label.label_set: label.paired_by for label in candidate.labels}
            document = _document(row, files, sets, paired) | {"layout": candidate.layout}
        if candidate.layout:
            self._members.append((candidate.layout, member))
        self._used.update(files)
        self.imported.append(document)
        self.study.changed([scan])

    def _known(self, scan: str) -> ScanRow | None:
        with self.study.catalogue.reading() as session:
            row = session.get(ScanRow, scan)
            if row is not None:
                _ = [label_set.name for label_set in row.label_sets]
            return row if row is not None and not row.removed else None

    def _adds_to(self, known: ScanRow, candidate: Candidate) -> bool:
        """Whether content that is in the study already comes with a label map that is not; if not, it is refused.

        A scan whose file had gone is told its new place either way.
        """
        source = candidate.source
        if locations.is_missing(known.files, self.study.path):
            with self.study.catalogue.writing() as session:
                row = session.get_one(ScanRow, known.id)
                row.files = locations.remember(source.files, self.study.path)
            self.study.changed([known.id])
        have = {label_set.name for label_set in known.label_sets}
        new = [label for label in candidate.labels if label.label_set not in have]
        for label in candidate.labels:
            if label not in new:
                name = label.source.path.name
                self._refuse(label.source, f"{name} belongs to {known.name}, which has '{label.label_set}' already.")
        candidate.labels = new
        told = self._tell(known.id, candidate)
        if not new:
            more = f" Its attributes were added: {', '.join(told)}." if told else ""
            self._refuse(
                source, f"The same content is in the study already, as {known.name}; nothing is imported twice.{more}"
            )
        return bool(new)

    def _tell(self, scan: str, candidate: Candidate) -> dict[str, str]:
        """Adds attributes that a scan of the study lacks and its data set's layout tells; returns them."""
        have = self.study.scan(scan).meta
        told = {key: value for key, value in candidate.member.attributes.items() if key not in have}
        if told:
            self.study.set_meta(scan, told)
            self._used.update(candidate.member.tables)
            self._members.append((candidate.layout, candidate.member))
        return told

    def _label_set(
        self, scan: str, header: imaging.Header, label: LabelCandidate, warnings: list[str], files: list[Path]
    ) -> LabelSetRow | None:
        """The row of an imported label map; None, with the reason noted, where it cannot be used."""
        source = label.source
        difference = imaging.grid_difference(header, label.header)
        moves = resample.changes(label.header, header)
        if moves and self._resample is not None and source.path.absolute() not in self._resample:
            self._refuse(source, LEFT_OUT.format(name=source.path.name, difference=difference))
            warnings.append(f"Its label map {source.path.name} was left out: it lies on another grid.")
            return None
        try:
            found = imaging.label_map(imaging.read(source))
            data = resample.fit(found.data, label.header, header) if difference else found.data
        except (SagittalError, OSError, MemoryError) as error:
            self._refuse(source, str(error) or f"{source.path.name} does not fit into memory.")
            warnings.append(f"Its label map {source.path.name} was refused: {error}")
            return None
        if difference and found.data.any() and not data.any():
            reason = f"{source.path.name} does not overlap its image. {difference} Check that they belong together."
            self._refuse(source, reason)
            warnings.append(reason)
            return None
        warnings += [f"Label map {source.path.name}: {sentence}" for sentence in found.warnings]
        if moves:
            warnings.append(f"{difference} It is resampled to the image's grid, nearest neighbour.")
        if not data.any():
            warnings.append(f"The label map {source.path.name} is empty.")
        digest = voxel_digest(found.data)
        twin = self._twin(digest, (), but=scan) if data.any() else ""
        if twin:
            warnings.append(f"Its label map is, voxel for voxel, that of {twin}: one of the two may be wrong.")
        numbers = [int(n) for n in np.unique(data) if n]
        table, beside = (_named(numbers, label.names), None) if label.names else label_names.names_of(source, numbers)
        files += [*source.files, *source.companions, *([beside] if beside else [])]
        return LabelSetRow(
            name=label.label_set,
            labels=rows_of(table),
            origin={"kind": "imported", "path": str(source.path), "paired by": label.paired_by},
            source_kind=source.kind,
            source_files=locations.remember(source.files, self.study.path),
            digest=digest,
        )

    def _twin(self, digest: str, images: Sequence[Candidate], but: str = "") -> str:
        """The name of a scan, in the study or about to be, whose imported label map has the same voxels; or ""."""
        with self.study.catalogue.reading() as session:
            query = select(LabelSetRow).where(LabelSetRow.digest == digest, LabelSetRow.scan_id != but)
            row = session.scalars(query.limit(1)).first()
            if row is not None:
                return row.scan.name
        for image in images:
            for label in image.labels:
                self.boundary()
                try:
                    if voxel_digest(imaging.label_map(imaging.read(label.source)).data) == digest:
                        return image.source.name
                except SagittalError:
                    continue
        return ""

    def _free_name(self, source: imaging.Source) -> str:
        """The source's name; where a scan has it already, with its folder's before it, then with a number."""
        taken = self.study.names()
        for name in (source.name, f"{source.path.parent.name}/{source.name}"):
            if name not in taken:
                return name
        return next(name for n in range(2, len(taken) + 3) if (name := f"{source.name} ({n})") not in taken)

    def _refuse(self, source: imaging.Source, reason: str) -> None:
        self.refused.update((file, reason) for file in (*source.files, *source.companions))

    def _apply_meta(self, path: Path) -> Report:
        table = read_meta(path, self.study.facts().scans)
        for scan, values in table.values.items():
            self.boundary()
            self.study.set_meta(scan, values)
        self._used.add(path)
        for document in self.imported:
            if document["scan"] in table.values:
                document["files"].append(str(path))
                document["subject"] = self.study.scan(document["scan"]).subject
        return {"path": str(path), "scans": len(table.values), "unknown": table.unknown}


def home_of(
    study: Study, source: imaging.Source, images: Sequence[Candidate] = ()
) -> tuple[Candidate, list[str]] | None:
    """The scan of the study that a DICOM segmentation refers to, and the label sets it has; None where there is none.

    One of `images` where it is among them. Raises `SagittalError` where the scan cannot be read.
    """
    from sagittal_engine.imaging.dicom import segmentation

    wanted = segmentation.references(source.path)
    with study.catalogue.reading() as session:
        rows = session.scalars(select(ScanRow).where(ScanRow.kind == "dicom", ScanRow.removed.is_(False)))
        known = [
            (row.name, locations.recall(row.files, study.path), [one.name for one in row.label_sets]) for row in rows
        ]
    for name, files, taken in known:
        scan = imaging.Source("dicom", files, name)
        if refers_to(wanted, scan):
            image = next((one for one in images if one.source == scan), None)
            try:
                return image or Candidate(scan, imaging.probe(scan)), taken
            except SagittalError as error:
                reason = f"{source.path.name} belongs to {name}, which cannot be read: {error}"
                raise SagittalError(reason) from error
    return None


def _named(numbers: Iterable[int], names: Mapping[int, str]) -> tuple[Label, ...]:
    """A label table of `numbers` with a data set's own names."""
    return tuple(Label(n, names.get(n, f"label {n}"), colour_of(n)) for n in sorted(numbers))


def voxel_digest(labels: Array) -> str:
    """SHA-256 of a label map's shape and voxels, whatever file they came in."""
    voxels = np.ascontiguousarray(labels, np.uint16)
    return hashlib.sha256(repr(voxels.shape).encode() + voxels.tobytes()).hexdigest()


def _looks_like_labels(volume: imaging.Volume) -> list[str]:
    """A sentence where an image has so few different whole values that it is likely a label map."""
    data = volume.data
    if data.ndim != 3 or data.size == 0:
        return []
    seen: set[float] = set()
    for index in range(data.shape[2]):
        seen.update(float(v) for v in np.unique(np.asarray(data[::2, ::2, index]))[:12])
        if len(seen) > 10:
            return []
    whole = all(np.isfinite(v) and v == round(v) and 0 <= v < 1000 for v in seen)
    if len(seen) < 2 or not whole:
        return []
    return [f"It holds only {len(seen)} different whole values: it may be a label map rather than an image."]


def _document(row: ScanRow, files: list[Path], sets: list[LabelSetRow], paired: dict[str, str]) -> Report:
    """One entry of `imported`."""
    return {
        "scan": row.id,
        "name": row.name,
        "subject": row.subject.name,
        "path": str(files[0]),
        "files": [str(file) for file in dict.fromkeys(files)],
        "kind": row.kind,
        "shape": list(row.shape),
        "spacing": list(row.spacing),
        "orientation": row.orientation,
        "labels": [
            {
                "set": found.name,
                "labels": [{"number": n, "name": name} for n, name, _ in found.labels],
                "path": found.origin["path"],
                "paired_by": paired[found.name],
            }
            for found in sets
        ],
        "warnings": list(row.warnings),
    }
