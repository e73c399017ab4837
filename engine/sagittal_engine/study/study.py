"""A study: the one object through which the engine sees scans, labels and supports."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from sagittal.engine_port import SagittalError
from sagittal.facts import SLICE_STATES, Arrival, Edit, Label, LabelLoan, Recovery, ScanFacts, StudyFacts, SupportPlan
from sagittal_engine import imaging
from sagittal_engine.store.atomic import replacing
from sagittal_engine.study import backups, finding, integrity, interrupted, locations, opening, places, thumbnails
from sagittal_engine.study.arriving import MANY_FILES, Arriving
from sagittal_engine.study.catalogue import FILE, Catalogue, subject_of
from sagittal_engine.study.importing import Import
from sagittal_engine.study.label_sets import LabelSets
from sagittal_engine.study.label_store import LabelStore
from sagittal_engine.study.lock import StudyLock
from sagittal_engine.study.relink import relink
from sagittal_engine.study.tables import MetaRow, ScanRow, SupportPlanRow

if TYPE_CHECKING:
    from types import TracebackType

Array = np.ndarray[Any, Any]

VOLUMES_KEPT = 3
HEADERS_KEPT = 64
READER_REFRESH_SECONDS = 2.0
"""How old a read-only study's facts may grow: another program may be changing them."""


class Study:
    """An open study. Methods may be called from any thread; close it, or use it as a context manager."""

    def __init__(self, path: Path, catalogue: Catalogue, lock: StudyLock | None, why_read_only: str) -> None:
        """Use `create` or `open`."""
        self.path, self.catalogue = path, catalogue
        self.read_only = lock is None
        self.why_read_only = why_read_only
        """One sentence, where `read_only`."""
        self.runs_folder, self.cache_folder = path / "runs", path / "cache"
        self.comparisons_folder = path / "comparisons"
        self.id = catalogue.info("id")
        self.store = LabelStore(path / "labels", places.rescued(self.id))
        self._lock = lock
        self._sets = LabelSets(self)
        self._guard = threading.RLock()
        self._facts: dict[str, ScanFacts] | None = None
        self._facts_age = 0.0
        self._volumes: OrderedDict[str, imaging.Volume] = OrderedDict()
        self._headers: OrderedDict[str, imaging.Header] = OrderedDict()
        self._arriving = Arriving(self._keep)
        self._closed = False
        self._found_damaged: list[str] = []
        """What was damaged before this opening changed anything."""

    @classmethod
    def create(cls, path: Path | str) -> Study:
        """Makes an empty study folder and opens it. Raises `SagittalError` where something is there."""
        folder = opening.make_folder(Path(path))
        Catalogue(folder).close()
        return cls.open(folder)

    @classmethod
    def open(cls, path: Path | str, read_only: bool = False) -> Study:
        """Opens a study without reading a voxel.

        Where another program has it open, or the disk cannot be written to, the study opens read-only; `why_read_only`
        says which. Raises `SagittalError` where there is no study, `DamagedStudy` where its catalogue is damaged.
        """
        folder = opening.study_folder(Path(path))
        lock, why = opening.take_lock(folder, read_only=read_only)
        damaged = integrity.damage_before(folder)
        try:
            catalogue = Catalogue(folder, read_only=lock is None)
            if lock is None:
                holder = catalogue.info("holder")
                why = why.replace("{holder}", f" ({holder})" if holder else "")
            elif why := opening.claim(folder, catalogue):
                catalogue.close()
                lock.release()
                lock, catalogue = None, Catalogue(folder, read_only=True)
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        study = cls(folder, catalogue, lock, why)
        study._found_damaged = damaged
        if lock is not None:
            interrupted.mark(study.id, folder)
            integrity.put_inventory_away(folder)
        return study

    @classmethod
    def restore(cls, path: Path | str, copy: Path | str) -> Study:
        """Opens a study whose catalogue is damaged, with a copy in its place; the damaged file is kept beside it.

        Label sets saved after the copy was made are found in their files again. Raises `SagittalError` where another
        program has the study open, or nothing can be written.
        """
        folder = Path(path).absolute()
        lock, why = opening.take_lock(folder, read_only=False)
        if lock is None:
            raise SagittalError(f"The study {folder.name} cannot be restored now. {why.replace('{holder}', '')}")
        try:
            backups.restore(folder / FILE, Path(copy))
        finally:
            lock.release()
        study = cls.open(folder)
        if not study.read_only:
            study._sets.adopt()
        return study

    def __enter__(self) -> Study:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Puts every queued edit on disk and lets the study go; a second call does nothing.

        Raises `SagittalError` where edits are left that no disk takes: the study then stays open, and they in memory.
        """
        with self._guard:
            if self._closed:
                return
            self.store.writer.close()
            self._closed = True
        self._arriving.stop()
        begun_in_vain = self._lock is not None and interrupted.is_unnamed(self.path) and self._is_bare()
        self._volumes.clear()
        self.catalogue.close()
        if self._lock is not None:
            with contextlib.suppress(OSError):
                integrity.take_inventory(self.path)
            unsaved = bool(self.store.recoveries(all_of_them=True))
            interrupted.unmark(self.id, self.path, unsaved=unsaved)
            self._lock.release()
        if begun_in_vain:
            shutil.rmtree(self.path, ignore_errors=True)

    def _is_bare(self) -> bool:
        """Whether no scan was ever in it, and no run (pictures of a folder are trained on without being imported)."""
        return not self.names() and not (self.runs_folder.is_dir() and any(self.runs_folder.iterdir()))

    # Facts

    def facts(self) -> StudyFacts:
        """The study as it stands now, in order of import; reads no image file."""
        scans = tuple(self._scans().values())
        return StudyFacts(
            str(self.path),
            self.path.name,
            scans,
            self.read_only,
            self.why_read_only,
            self.catalogue.preferences(),
            unnamed=interrupted.is_unnamed(self.path),
        )

    def scan(self, scan: str) -> ScanFacts:
        """One scan by its id. Raises `SagittalError` with a near name where there is none."""
        found = self._scans().get(scan)
        return found if found is not None else finding.find(scan, tuple(self._scans().values()))

    def find(self, name_or_id_prefix: str) -> ScanFacts:
        """One scan by id, beginning of an id, or name. Raises `SagittalError` with a near name where there is none."""
        return finding.find(name_or_id_prefix, tuple(self._scans().values()))

    def names(self) -> set[str]:
        """Every scan's name, removed ones included."""
        with self.catalogue.reading() as session:
            return set(session.scalars(select(ScanRow.name)))

    def changed(self, scans: Sequence[str] | None = None) -> None:
        """Reads facts again: of `scans`, or of all."""
        with self._guard:
            if self._facts is None or scans is None:
                self._facts = None
                return
            fresh = {facts.scan: facts for facts in self.catalogue.scans(list(scans))}
            known = fresh.keys() <= self._facts.keys()
            self._facts = {**self._facts, **fresh} if known else None

    def _scans(self) -> dict[str, ScanFacts]:
        with self._guard:
            stale = self.read_only and time.monotonic() - self._facts_age > READER_REFRESH_SECONDS
            if self._facts is None or stale:
                self._facts = {facts.scan: facts for facts in self.catalogue.scans()}
                self._facts_age = time.monotonic()
            return self._facts

    def warn(self, scan: str, sentence: str) -> None:
        """Keeps a warning with a scan, once."""
        if self.read_only or sentence in self.scan(scan).warnings:
            return
        with self.catalogue.writing() as session:
            row = session.get_one(ScanRow, scan)
            row.warnings = [*row.warnings, sentence]
        self.changed([scan])

    # Images

    def source(self, scan: str) -> imaging.Source:
        """The scan's files where they are now. Raises `SagittalError` for an unknown scan."""
        facts = self.scan(scan)
        with self.catalogue.reading() as session:
            row = session.get_one(ScanRow, facts.scan)
            files = locations.recall(row.files, self.path)
        return imaging.Source(facts.kind, files, facts.name)

    def header(self, scan: str) -> imaging.Header:
        """The scan's header. Raises `SagittalError` where its file is not where it was or has changed."""
        with self._guard:
            if scan in self._volumes:
                return self._volumes[scan].header
            if scan in self._headers:
                self._headers.move_to_end(scan)
                return self._headers[scan]
        header = imaging.probe(self._checked_source(scan))
        with self._guard:
            self._headers[scan] = header
            while len(self._headers) > HEADERS_KEPT:
                self._headers.popitem(last=False)
        return header

    def volume(self, scan: str) -> imaging.Volume:
        """The scan with its voxels; the last few are kept. Raises `SagittalError` where its file is not there."""
        with self._guard:
            if scan in self._volumes:
                self._volumes.move_to_end(scan)
                return self._volumes[scan]
        volume = self._arriving.whole(scan)
        if volume is None:
            volume = imaging.read(self._checked_source(scan))
            self._keep(scan, volume)
        return volume

    def arriving_volume(self, scan: str) -> tuple[imaging.Volume, Arrival | None]:
        """As `volume`, but a long DICOM series is given once its first slice is read, with how much of it has come."""
        with self._guard:
            kept = scan in self._volumes
        source = None if kept else self._checked_source(scan)
        if source is None or source.kind != "dicom" or len(source.files) < MANY_FILES:
            return self.volume(scan), None
        volume, arrival = self._arriving.first(scan, source)
        return (volume, arrival) if arrival.under_way else (self.volume(scan), None)

    def _keep(self, scan: str, volume: imaging.Volume) -> None:
        with self._guard:
            self._volumes[scan] = volume
            while len(self._volumes) > VOLUMES_KEPT:
                self._volumes.popitem(last=False)

    def _checked_source(self, scan: str) -> imaging.Source:
        facts, source = self.scan(scan), self.source(scan)
        with self.catalogue.reading() as session:
            missing = locations.is_missing(session.get_one(ScanRow, facts.scan).files, self.path)
        if missing != facts.missing:
            self.changed([facts.scan])
        if missing:
            raise SagittalError(
                f"The file of {facts.name} is not where it was, or has changed: {source.path}. Put it back, or let "
                "“Find moved scans” (`sagittal study relink`) look for it; labels and runs are kept."
            )
        return source

    def thumbnail(self, scan: str) -> Array:
        """uint8 (rows, columns): the middle axial slice in radiological view, at most 96 px a side; cached.

        Of a DICOM series the middle one of the slices that were taken.
        """
        path = self.cache_folder / "thumbnails" / f"{self.scan(scan).scan}.npy"
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            picture = thumbnails.draw(imaging.glimpse(self._checked_source(scan)))
        if not self.read_only:
            with replacing(path, durable=False) as temporary, temporary.open("wb") as file:
                np.save(file, picture, allow_pickle=False)
        return picture

    # Labels

    def labels(self, scan: str, label_set: str) -> LabelLoan:
        """The label set, or an empty one where none exists; edits left in the journal are replayed."""
        return self._sets.lend(scan, label_set)

    def masks(self, scan: str, label_set: str) -> dict[str, Array]:
        """Label name → bool (X, Y, Z), for every label of the set's table."""
        return self._sets.masks(scan, label_set)

    def record_edit(self, scan: str, label_set: str, edit: Edit) -> None:
        """Queues an edit for the journal; it is on disk within a second.

        Raises `SagittalError` where earlier edits could not be written; this one is queued all the same.
        """
        self._writable()
        self._sets.record(scan, label_set, edit)

    def save_labels(
        self, scan: str, label_set: str, data: Array, labels: Sequence[Label], review: str | None = None
    ) -> None:
        """Writes a label set (uint16 (X, Y, Z), canonical) atomically and empties its journal.

        `data` may be a copy some seconds old: edits recorded since it was taken stay in the journal. Raises
        `SagittalError` where the disk does not take it; nothing is lost then.
        """
        self._writable()
        self._sets.save(scan, label_set, data, labels, review)

    def write_prediction(
        self,
        scan: str,
        label_set: str,
        masks: Mapping[str, Array],
        origin: Mapping[str, Any],
        confidence: Mapping[str, Sequence[float | None] | Array],
    ) -> None:
        """Puts predicted masks (label name → bool (X, Y, Z)) into a label set with how they came about."""
        self._writable()
        self._sets.write_prediction(scan, label_set, masks, origin, confidence)

    def set_label_table(self, label_set: str, labels: Sequence[Label]) -> None:
        """Names and colours of a label set, for the whole study."""
        self._writable()
        self._sets.set_table(label_set, labels)

    def set_review(self, scan: str, label_set: str, review: str) -> None:
        """What a reader thinks of a label set: unreviewed, accepted, corrected or rejected."""
        self._writable()
        self._sets.set_review(scan, label_set, review)

    def add_review_time(self, scan: str, label_set: str, seconds: float) -> None:
        """Adds time that a reader spent on a case."""
        self._writable()
        self._sets.add_time(scan, label_set, seconds)

    def recoveries(self) -> list[Recovery]:
        """Painting of an earlier session that is in the journal but in no saved file."""
        return [found for found in self.store.recoveries() if found.scan in self._scans()]

    # Supports and meta labels

    def support_plans(self, scan: str | None = None) -> list[SupportPlan]:
        """Support plans of one scan, or of all."""
        query = select(SupportPlanRow).order_by(SupportPlanRow.scan_id, SupportPlanRow.label)
        if scan is not None:
            query = query.where(SupportPlanRow.scan_id == self.scan(scan).scan)
        with self.catalogue.reading() as session:
            return [
                SupportPlan(row.scan_id, row.label, row.first, row.last, tuple(row.slices), tuple(row.states))
                for row in session.scalars(query)
                if row.scan_id in self._scans()
            ]

    def set_support_plan(self, plan: SupportPlan) -> None:
        """Keeps a support plan, replacing the one of the same scan and label."""
        self._writable()
        facts = self.scan(plan.scan)
        if not 0 <= plan.first <= plan.last < facts.shape[2] or any(not 0 <= z < facts.shape[2] for z in plan.slices):
            raise SagittalError(f"{facts.name} has the slices 0 to {facts.shape[2] - 1}; the plan goes beyond them.")
        if len(plan.states) != len(plan.slices) or any(state not in SLICE_STATES for state in plan.states):
            raise SagittalError(f"Each slice of a plan has a state, one of: {', '.join(SLICE_STATES)}.")
        with self.catalogue.writing() as session:
            session.merge(
                SupportPlanRow(
                    scan_id=facts.scan,
                    label=plan.label,
                    first=plan.first,
                    last=plan.last,
                    slices=list(plan.slices),
                    states=list(plan.states),
                )
            )

    def set_preference(self, name: str, value: str) -> None:
        """Keeps with the study how it is looked at; an empty value takes the preference away."""
        self._writable()
        self.catalogue.set_preference(name, value)

    def set_meta(self, scan: str, values: Mapping[str, str]) -> None:
        """Sets meta labels of a scan; an empty value takes one away. "subject" names the person it is of."""
        self._writable()
        facts = self.scan(scan)
        with self.catalogue.writing() as session:
            for key, value in values.items():
                if key.lower() == "subject":
                    if value:
                        session.get_one(ScanRow, facts.scan).subject = subject_of(session, value)
                elif value:
                    session.merge(MetaRow(scan_id=facts.scan, key=key, value=str(value)))
                elif row := session.get(MetaRow, (facts.scan, key)):
                    session.delete(row)
        self.changed([facts.scan])

    # Content

    def import_paths(
        self,
        paths: Sequence[Path],
        labels: Sequence[Path] = (),
        meta: Path | None = None,
        progress: Callable[[int, int, str], None] = lambda done, total, message: None,
        boundary: Callable[[], None] = lambda: None,
        layout: str = "auto",
        resample: Sequence[Path] | None = None,
    ) -> dict[str, Any]:
        """Imports files, folders and trees; returns the document of `import --json`.

        `labels` are label maps in the order of the images; else they are paired by name. `meta` is a CSV. `layout` is
        "auto" to recognise published data sets by how they lie (see `layouts`), "none", or the name of one. `resample`
        are the label maps of another grid that may be brought onto their image's, None for all; others are refused.
        `boundary` may raise to cancel: what was finished stays, and the exception carries a note that says how much.
        """
        self._writable()
        return Import(self, progress, boundary, resample).run(paths, labels, meta, layout)

    def relink(
        self,
        folder: Path | str,
        progress: Callable[[int, int, str], None] = lambda done, total, message: None,
        boundary: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Looks under `folder` for files that are not where they were; see `relink.relink`."""
        self._writable()
        return relink(self, Path(folder).absolute(), progress, boundary)

    def damage(self, *, thorough: bool = False) -> list[str]:
        """One sentence for each file of the study that is not as it was written; see `integrity`."""
        return [*self._found_damaged, *integrity.damage(self.path, thorough=thorough)]

    def remove_scans(self, scans: Sequence[str]) -> None:
        """Takes scans out of the study; source files stay untouched, label files move to `labels/removed/`."""
        self._set_removed([self.scan(scan).scan for scan in scans], True)

    def restore_scans(self, scans: Sequence[str]) -> None:
        """Undoes `remove_scans`."""
        self._set_removed(list(scans), False)

    def _set_removed(self, scans: list[str], removed: bool) -> None:
        self._writable()
        for scan in scans:
            with self.catalogue.writing() as session:
                row = session.get(ScanRow, scan)
                if row is None:
                    raise SagittalError(f"There is no scan '{scan}' in this study to restore.")
                if row.removed != removed:
                    row.removed = removed
                    (self.store.remove if removed else self.store.restore)(scan)
            with self._guard:
                self._volumes.pop(scan, None)
                self._headers.pop(scan, None)
        self.changed()

    def _writable(self) -> None:
        if self._closed:
            raise SagittalError(f"The study {self.path.name} is closed. Open it again.")
        if self.read_only:
            raise SagittalError(f"Nothing can be written to the study {self.path.name}. {self.why_read_only}")
