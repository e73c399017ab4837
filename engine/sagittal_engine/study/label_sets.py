"""Label sets as the program uses them: base voxels, the journal on top, tables, reviews, predictions."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from sagittal.engine_port import SagittalError
from sagittal.facts import Edit, Label, LabelLoan, colour_of
from sagittal_engine import imaging
from sagittal_engine.study import journal, locations, resample, undoing
from sagittal_engine.study.catalogue import labels_of, rows_of
from sagittal_engine.study.generations import TABLE, Generation
from sagittal_engine.study.tables import LabelSetRow, LabelTableRow, ScanRow

if TYPE_CHECKING:
    from sagittal_engine.study.study import Study

Array = np.ndarray[Any, Any]

REVIEWS = ("unreviewed", "accepted", "corrected", "rejected")


DAMAGED = (
    "The newest saved file of '{label_set}' is damaged. The one before it ({when}) was opened instead, with every "
    "stroke since that is still in a journal."
)
LOST = "The journal of '{label_set}' was cut short or damaged: the last strokes in it may be missing."


class LabelSets:
    """The label sets of one study."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._saving = threading.RLock()

    def lend(self, scan: str, label_set: str) -> LabelLoan:
        """The set with the journal replayed on it, or an empty one. Raises `SagittalError` where files are missing."""
        header = self._study.header(scan)
        store = self._study.store
        data, labels, base, note = self._base(scan, label_set, header)
        edits = store.edits(scan, label_set, base)
        old = [entry for entry in edits.on_top if store.is_old(entry)]
        saved = data.copy() if old else None
        recovered = journal.replay(data, old)
        journal.replay(data, edits.on_top[len(old) :])
        if edits.lost:
            note = f"{note} {LOST.format(label_set=label_set)}".strip()
        if note:
            self._study.warn(scan, note)
        history = undoing.told([entry.edit for entry in edits.all], data)
        return LabelLoan(scan, label_set, data, labels, recovered, saved, history.done, history.undone, note)

    def _base(self, scan: str, label_set: str, header: imaging.Header) -> tuple[Array, tuple[Label, ...], int, str]:
        """Voxels without the journal, the table, the generation's number (0: none), what was wrong with a newer one."""
        store = self._study.store
        with self._study.catalogue.reading() as session:
            row = _find(session, scan, label_set)
            shared = session.get(LabelTableRow, label_set)
            labels = labels_of(row.labels if row is not None else shared.labels if shared is not None else [])
            kind = row.source_kind if row is not None else ""
            files = locations.recall(row.source_files, self._study.path) if row is not None else ()
        generation = store.newest(scan, label_set)
        note = ""
        if store.damaged(scan, label_set):
            when = f"saved {generation.facts()['saved']}" if generation is not None else "imported or empty"
            note = DAMAGED.format(label_set=label_set, when=when)
        if generation is not None:
            return store.read(generation, header.grid), labels, generation.number, note
        if not files:
            return np.zeros(header.shape, np.uint16), labels, 0, note
        return self._imported(kind, files, header), labels, 0, note

    @staticmethod
    def _imported(kind: str, files: tuple[Path, ...], header: imaging.Header) -> Array:
        volume = imaging.read(imaging.Source(kind, files, files[0].name))
        data = imaging.label_map(volume).data
        if imaging.grid_difference(header, volume.header):
            data = resample.fit(data, volume.header, header)
        return np.ascontiguousarray(data, np.uint16)

    def masks(self, scan: str, label_set: str) -> dict[str, Array]:
        """Every label of the set's table as a bool (X, Y, Z) array, by name; labels without a voxel included."""
        loan = self.lend(scan, label_set)
        return {row.name: loan.data == row.number for row in loan.labels}

    def save(self, scan: str, label_set: str, data: Array, labels: Iterable[Label], review: str | None) -> None:
        """Writes the next generation and the row; edits recorded since `data` was copied stay in the journal."""
        labels = tuple(labels)
        self._check(scan, data, review)
        with self._saving:
            with self._study.catalogue.reading() as session:
                row = _find(session, scan, label_set)
                origin: dict[str, Any] = dict(row.origin) if row is not None else {"kind": "painted"}
            if origin.get("kind") != "painted":
                origin["edited"] = True
            self._study.store.save(scan, label_set, data, self._study.header(scan).grid, labels, origin)
            voxels = _voxels(data, labels)
            with self._study.catalogue.writing() as session:
                row = _find(session, scan, label_set)
                if row is None:
                    row = LabelSetRow(scan_id=scan, name=label_set)
                    session.add(row)
                # What was added while the file was written, as a reader's time, stays.
                row.origin = _counted({**(row.origin or {}), **_lasting(origin)}, voxels)
                row.labels = rows_of(labels)
                if review is not None:
                    row.review = review
                session.merge(LabelTableRow(name=label_set, labels=rows_of(labels)))
                _forget_damage(session.get_one(ScanRow, scan), label_set)
        self._study.changed([scan])

    def _check(self, scan: str, data: Array, review: str | None) -> None:
        if review is not None and review not in REVIEWS:
            raise SagittalError(f"A review is one of {', '.join(REVIEWS)}; got '{review}'.")
        shape = self._study.header(scan).shape
        if tuple(data.shape) != shape:
            raise SagittalError(f"Labels of shape {data.shape} do not fit the scan's {shape} voxels.")

    def set_review(self, scan: str, label_set: str, review: str) -> None:
        if review not in REVIEWS:
            raise SagittalError(f"A review is one of {', '.join(REVIEWS)}; got '{review}'.")
        with self._study.catalogue.writing() as session:
            row = _find(session, scan, label_set)
            if row is None:
                raise SagittalError(f"{self._study.scan(scan).name} has no label set '{label_set}' to review.")
            row.review = review
        self._study.changed([scan])

    def add_time(self, scan: str, label_set: str, seconds: float) -> None:
        """Adds time that a reader spent on a case. Raises `SagittalError` where there is no such set."""
        with self._study.catalogue.writing() as session:
            row = _find(session, scan, label_set)
            if row is None:
                raise SagittalError(f"{self._study.scan(scan).name} has no label set '{label_set}' to review.")
            row.origin = {**row.origin, "seconds": round(float(row.origin.get("seconds", 0.0)) + seconds, 1)}
        self._study.changed([scan])

    def set_table(self, label_set: str, labels: Sequence[Label]) -> None:
        """Names and colours of a set for the whole study.

        Every scan's set takes the new names by number. A label that an imported map does not hold is not added to it,
        and one that the new table leaves out stays in it: its voxels are still there.
        """
        numbers = [row.number for row in labels]
        if len(set(numbers)) < len(numbers) or any(not 0 < n <= 65535 for n in numbers):
            raise SagittalError("Labels have different numbers from 1 to 65535; 0 is the background.")
        if len({row.name for row in labels}) < len(labels):
            raise SagittalError("Two labels of one set cannot have the same name.")
        new = {row.number: row for row in labels}
        with self._study.catalogue.writing() as session:
            session.merge(LabelTableRow(name=label_set, labels=rows_of(labels)))
            for row in session.scalars(select(LabelSetRow).where(LabelSetRow.name == label_set)):
                if row.origin.get("kind") == "imported":
                    row.labels = rows_of([new.get(have.number, have) for have in labels_of(row.labels)])
                else:
                    _rename(
                        row, {have.name: new[have.number].name for have in labels_of(row.labels) if have.number in new}
                    )
                    row.labels = rows_of(labels)
        self._study.changed()

    def record(self, scan: str, label_set: str, edit: Edit) -> None:
        size = math.prod(self._study.scan(scan).shape)
        if not len(edit.indices) == len(edit.before) == len(edit.after):
            raise SagittalError("An edit has as many values before and after as it has voxels.")
        if len(edit.indices) and not 0 <= int(np.min(edit.indices)) <= int(np.max(edit.indices)) < size:
            raise SagittalError(f"The edit lies outside the scan's {size} voxels.")
        self._study.store.record(scan, label_set, edit)

    def adopt(self) -> None:
        """Puts label sets whose files lie in `labels/` and that the catalogue does not know into it."""
        for scan in self._study.facts().scans:
            found: dict[str, Generation] = {}
            for path in sorted((self._study.store.folder / scan.scan).glob("*.labels.json")):
                generation = Generation(int(path.name.split(".")[1]), path.with_name(path.name[:-12] + ".nii.gz"))
                name = str(generation.facts().get("set", ""))
                if name and generation.is_whole():
                    found[name] = max(generation, found.get(name, generation), key=lambda one: one.number)
            for name, generation in found.items():
                if not any(one.name == name for one in scan.label_sets):
                    origin = dict(generation.facts().get("origin", {}))
                    rows = rows_of(imaging.read_label_table(generation.beside(TABLE)))
                    with self._study.catalogue.writing() as session:
                        session.add(LabelSetRow(scan_id=scan.scan, name=name, origin=origin, labels=rows))
                        if session.get(LabelTableRow, name) is None:
                            session.add(LabelTableRow(name=name, labels=rows))
        self._study.changed()

    def write_prediction(
        self,
        scan: str,
        label_set: str,
        masks: Mapping[str, Array],
        origin: Mapping[str, Any],
        confidence: Mapping[str, Sequence[float | None] | Array],
    ) -> None:
        """Puts predicted masks into a label set, made where there is none.

        `origin` may hold "figures", label → what was measured; the labels' voxels are added here. Labels of an
        earlier prediction into the same set that are not among `masks` stay, with theirs. Numbers and colours are
        those the name has in the set, else in the study's truth, else the next free ones. Where masks overlap, the
        later one wins.
        """
        with self._saving:
            header = self._study.header(scan)
            loan = self.lend(scan, label_set)
            table = self._numbered(loan.labels, list(masks))
            number = {row.name: row.number for row in table}
            data = loan.data
            data[np.isin(data, [number[name] for name in masks])] = 0
            for name, mask in masks.items():
                if tuple(mask.shape) != header.shape:
                    raise SagittalError(f"The mask of '{name}' has shape {mask.shape}, the scan {header.shape}.")
                data[np.asarray(mask, bool)] = number[name]
            whence = {"kind": "predicted", **origin}
            self._study.store.save(scan, label_set, data, header.grid, table, whence, painted=False)
            voxels = _voxels(data, table)
            with self._study.catalogue.writing() as session:
                row = _find(session, scan, label_set)
                if row is None:
                    row = LabelSetRow(scan_id=scan, name=label_set, confidence={})
                    session.add(row)
                row.labels, row.review = rows_of(table), "unreviewed"
                row.origin = _counted(_continued(row.origin, origin), voxels)
                row.confidence = {**row.confidence, **{name: _plain(values) for name, values in confidence.items()}}
                session.merge(LabelTableRow(name=label_set, labels=rows_of(table)))
        self._study.changed([scan])

    def _numbered(self, table: Sequence[Label], names: Sequence[str]) -> list[Label]:
        """`table` with a row for every name."""
        rows = {row.name: row for row in table}
        used = {row.number for row in table}
        with self._study.catalogue.reading() as session:
            truth = session.get(LabelTableRow, "truth")
            known = {row.name: row for row in labels_of(truth.labels)} if truth is not None else {}
        for name in names:
            if name in rows:
                continue
            row = known.get(name)
            if row is None or row.number in used:
                free = next(n for n in range(1, 65536) if n not in used and n not in {k.number for k in known.values()})
                row = Label(free, name, colour_of(free))
            rows[name] = row
            used.add(row.number)
        return list(rows.values())


def _find(session: Session, scan: str, label_set: str) -> LabelSetRow | None:
    if session.get(ScanRow, scan) is None:
        raise SagittalError(f"There is no scan '{scan}' in this study.")
    return session.scalar(select(LabelSetRow).where(LabelSetRow.scan_id == scan, LabelSetRow.name == label_set))


def _continued(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, Any]:
    """Where a prediction comes from, with the figures and examples of the set's other labels and the time spent."""
    old = old or {}
    figures = {**old.get("figures", {}), **new.get("figures", {})}
    again = {row["label"] for row in new.get("examples", ())}
    kept = [row for row in old.get("examples", ()) if row["label"] not in again]
    joined = {"kind": "predicted", **new, "figures": figures, "seconds": old.get("seconds", 0.0)}
    return {**joined, "examples": [*kept, *new.get("examples", ())]}


def _lasting(origin: Mapping[str, Any]) -> dict[str, Any]:
    """What of an origin says how the set came about, without what readers add."""
    return {key: value for key, value in origin.items() if key not in ("seconds", "figures")}


def _voxels(data: Array, labels: Iterable[Label]) -> dict[str, int]:
    """Voxels of every label, by name."""
    sizes = np.zeros(2**16, np.int64)
    for plane in data:
        # Plane by plane: counting works on eight bytes a voxel.
        found = np.bincount(plane.ravel())
        sizes[: len(found)] += found
    return {row.name: int(sizes[row.number]) for row in labels}


def _counted(origin: Mapping[str, Any], voxels: Mapping[str, int]) -> dict[str, Any]:
    """`origin` with the labels' voxels as they are now."""
    known = origin.get("figures", {})
    return {**origin, "figures": {name: {**known.get(name, {}), "voxels": count} for name, count in voxels.items()}}


def _rename(row: LabelSetRow, names: Mapping[str, str]) -> None:
    """Takes what is kept by a label's name along to its new name."""
    row.confidence = {names.get(name, name): values for name, values in row.confidence.items()}
    figures = {names.get(name, name): values for name, values in row.origin.get("figures", {}).items()}
    examples = [{**one, "label": names.get(one["label"], one["label"])} for one in row.origin.get("examples", ())]
    if figures or examples:
        row.origin = {**row.origin, "figures": figures, "examples": examples}


def _forget_damage(scan: ScanRow, label_set: str) -> None:
    """Takes away what was said of a damaged file of the set: a save has made up for it."""
    said = tuple(sentence.partition("{label_set}")[0] + f"{label_set}'" for sentence in (DAMAGED, LOST))
    scan.warnings = [warning for warning in scan.warnings if not warning.startswith(said)]


def _plain(values: Sequence[float | None] | Array) -> list[float | None]:
    """Confidence per slice as JSON keeps it: rounded, None for "not looked at" (NaN)."""
    return [None if v is None or math.isnan(float(v)) else round(float(v), 6) for v in values]
