"""Export of a label set, each file read again by an independent reader before it counts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.exports import EXPORT_FORMATS, SERIES_AS
from sagittal.facts import LabelSetFacts, ScanFacts
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.imaging import Header, Source
    from sagittal_engine.imaging.exporters import Making
    from sagittal_engine.study import Study

TABLE = "csv"
"""The format that makes one table of all scans instead of files per scan."""


def export_label_set(
    study: Study, label_set: str, format: str, out: Path, scans: Sequence[str], task: Task, make_series: str = ""
) -> Mapping[str, Any]:
    """Writes `label_set` of every chosen scan that has it into `out`; returns the document of `export --json`.

    `make_series` is "" or what a DICOM series is made as of scans that no DICOM segmentation can refer to: those that
    are no DICOM, and those whose identifiers were blanked.
    A scan that cannot be written so is refused with its reason, and the others go on. Raises `SagittalError` where the
    format is unknown, no chosen scan has the label set, every one is refused, or a file of the study lies in the way.
    """
    _check_words(format, make_series)
    chosen = [study.find(scan) for scan in scans] if scans else list(study.facts().scans)
    having = [facts for facts in chosen if any(found.name == label_set for found in facts.label_sets)]
    if not having:
        raise SagittalError(f"None of the {len(chosen)} chosen scans has a label set '{label_set}'.")
    if format == "dicom-seg" and not make_series:
        _check_sources(having)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SagittalError(f"The folder {out} cannot be made: {error.strerror or error}. Choose another.") from error
    if format == TABLE:
        return _table(study, label_set, out, [facts.scan for facts in having], task)
    export = _Export(study, label_set, out, make_series)
    for done, facts in enumerate(having):
        task.progress(done, len(having), f"Exporting {facts.name}")
        stem = _stem(facts, label_set, having)
        try:
            export.write(facts, stem, format)
        except (SagittalError, OSError, MemoryError) as error:
            reason = str(error) or f"{facts.name} does not fit into memory."
            export.refused.append({"scan": facts.scan, "name": facts.name, "reason": reason})
    if len(export.refused) == len(having):
        raise SagittalError(f"Nothing was exported. {export.refused[0]['reason']}")
    task.progress(len(having), len(having), f"{len(export.files)} files written")
    return {
        "files": [str(path) for path in export.files],
        "verified": not export.differences,
        "differences": export.differences,
        "refused": export.refused,
    }


def _table(study: Study, label_set: str, out: Path, scans: Sequence[str], task: Task) -> Mapping[str, Any]:
    """The table that `review --csv` writes too, as an export."""
    from sagittal_engine.service.case_table import write_table

    found = write_table(study, label_set, out / f"{_plain(label_set)}_volumes.csv", scans, task)
    return {"files": [found["file"]], **{key: found[key] for key in ("verified", "differences", "refused")}}


@dataclass
class _Export:
    """One export under way, and what came of it so far."""

    study: Study
    label_set: str
    out: Path
    make_series: str
    files: list[Path] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)

    def write(self, facts: ScanFacts, stem: str, format: str) -> None:
        """One scan's files, read back."""
        from sagittal_engine import imaging
        from sagittal_engine.imaging.exporters import export_differences
        from sagittal_engine.imaging.exporters.dicom_seg import why_not_referred

        source, header = self.study.source(facts.scan), self.study.header(facts.scan)
        loan = self.study.labels(facts.scan, self.label_set)
        self._spare_sources(facts, stem)
        if format == "dicom-seg" and self.make_series and why_not_referred(source):
            source, header = self._series(facts, stem)
        making = _making(next(found for found in facts.label_sets if found.name == self.label_set))
        written = imaging.export(format, self.out / stem, loan.data, loan.labels, source, header, making)
        self.differences += export_differences(format, written, loan.data, loan.labels, source, header)
        self.files += written

    def _series(self, facts: ScanFacts, stem: str) -> tuple[Source, Header]:
        """A DICOM series made of a scan, in a folder beside the segmentation."""
        from sagittal_engine import imaging
        from sagittal_engine.imaging import geometry
        from sagittal_engine.imaging.exporters.dicom_series import Identity, likely_modality, write_series

        volume = self.study.volume(facts.scan)
        modality = likely_modality(volume) if self.make_series == "auto" else self.make_series
        identity = Identity(facts.scan, facts.subject, facts.name, modality)
        source = write_series(self.out / f"{stem}_series", volume, identity)
        header = imaging.probe(source)
        here, there = volume.grid.canonical_affine, header.grid.canonical_affine
        if header.shape != volume.header.shape or not geometry.same_place(here, there, header.shape):
            raise SagittalError(f"The DICOM series made of {facts.name} lies elsewhere than the scan. Export NIfTI.")
        self.files += source.files
        return source, header

    def _spare_sources(self, facts: ScanFacts, stem: str) -> None:
        """Refuses to write where a file that the study reads has the name."""
        for scan in self.study.facts().scans:
            for path in (Path(scan.path), *(Path(str(found.origin.get("path", ""))) for found in scan.label_sets)):
                if path.parent == self.out.absolute() and path.name.lower().startswith(f"{stem}.".lower()):
                    raise SagittalError(
                        f"{self.out} holds {path.name}, which this study reads, and the export of {facts.name} would"
                        " replace it. Choose another folder."
                    )


def _check_words(format: str, make_series: str) -> None:
    formats = [known.name for known in EXPORT_FORMATS]
    if format not in formats:
        near = difflib.get_close_matches(format, formats, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(formats)}."
        raise SagittalError(f"There is no export format '{format}'.{hint}")
    if make_series and make_series not in SERIES_AS:
        raise SagittalError(f"A DICOM series is made as one of {', '.join(SERIES_AS)}; got '{make_series}'.")


def _check_sources(having: Sequence[ScanFacts]) -> None:
    """Raises `SagittalError` where a scan is no DICOM, with the offer to make a series."""
    strange = [facts.name for facts in having if facts.kind != "dicom"]
    if strange:
        some = ", ".join(strange[:3]) + (", …" if len(strange) > 3 else "")
        raise SagittalError(
            f"A DICOM segmentation refers to the DICOM series it was drawn on, but {len(strange)} of {len(having)}"
            f" scans are no DICOM ({some}). Let a DICOM series be made of them too, leave them out, or export another"
            " format."
        )


def _making(found: LabelSetFacts) -> Making:
    """Imported label maps do not say how they came about; like painted ones they count as drawn by hand."""
    from sagittal_engine.imaging.exporters import Making

    if found.origin.get("kind") != "predicted":
        return Making.BY_HAND
    return Making.CORRECTED if found.origin.get("edited") or found.review == "corrected" else Making.PREDICTED


def _plain(name: str) -> str:
    """`name` as any system takes it in a file name."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._")


def _stem(facts: ScanFacts, label_set: str, beside: Sequence[ScanFacts]) -> str:
    """A file name without suffix: the scan's name and the label set, with the id where two scans share a name."""
    plain = _plain(f"{facts.name}_{label_set}") or facts.scan
    shared = sum(_plain(other.name) == _plain(facts.name) for other in beside) > 1
    return f"{plain}_{facts.scan[:6]}" if shared else plain
