"""The service's part for the catalogue: opening studies, lending images and labels, importing and exporting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal.facts import (
    Edit,
    ImageLoan,
    Interrupted,
    Label,
    LabelLoan,
    OtherGrid,
    Recovery,
    Resampled,
    ScanFacts,
    SeriesFacts,
    StudyCopy,
    StudyFacts,
    SupportPlan,
)
from sagittal_engine.service.base import ServiceBase
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

Array = np.ndarray[Any, Any]


class StudyService(ServiceBase):
    """`sagittal.engine_port.StudyPort`, by delegation to the open `Study`."""

    def new_study(self, path: Path) -> StudyFacts:
        from sagittal_engine.study import Study

        return self._take(lambda: Study.create(path))

    def open_study(self, path: Path) -> StudyFacts:
        from sagittal_engine.study import Study

        return self._take(lambda: Study.open(path), path)

    def new_unnamed_study(self) -> StudyFacts:
        from sagittal_engine.study import Study, interrupted

        return self._take(lambda: Study.create(interrupted.unnamed_folder()))

    def move_study(self, path: Path) -> StudyFacts:
        from sagittal_engine.study import Study, moving

        old = self._open_for_writing().path
        moving.check(path)
        self._refuse_while_busy()
        self.close_study()
        try:
            self._study = moving.move(old, path)
        except SagittalError:
            self._study = Study.open(old)
            raise
        return self._study.facts()

    def restore_study(self, path: Path, copy: str) -> StudyFacts:
        from sagittal_engine.study import Study

        return self._take(lambda: Study.restore(path, copy), path)

    def _take(self, make: Callable[[], Study], path: Path | None = None) -> StudyFacts:
        """Makes another study the open one; where that fails, the one that is open stays open.

        One that is open at `path` already is closed first, for it would lock itself out.
        """
        self._refuse_while_busy()
        if self._study is not None and path is not None and self._study.path == path.absolute():
            self.close_study()
        study = make()
        self.close_study()
        self._study = study
        return study.facts()

    def _refuse_while_busy(self) -> None:
        """Raises `SagittalError` while work goes on in the open study."""
        if self._live_runs() or self._tasks.busy:
            raise SagittalError("Work is still going on in the open study. Stop it, or wait for it, then try again.")

    def interrupted_studies(self) -> list[Interrupted]:
        from sagittal_engine.study import interrupted

        return interrupted.find()

    def forget_interrupted(self, path: Path) -> None:
        from sagittal_engine.study import interrupted

        interrupted.forget(path)

    def study_copies(self, path: Path) -> list[StudyCopy]:
        from sagittal_engine.study import backups

        return backups.copies(path)

    def study_damage(self, thorough: bool = False) -> list[str]:
        return self._open().damage(thorough=thorough)

    def start_relink(self, folder: Path) -> str:
        study = self._open_for_writing()

        def work(task: Task) -> Mapping[str, Any]:
            try:
                return study.relink(folder, progress=task.progress, boundary=task.boundary)
            finally:
                self._changed("scans")

        return self._tasks.start("relink", "Looking for moved scans", work)

    def close_study(self) -> None:
        """Closes the open study; runs in it are stopped with a checkpoint, tasks cancelled, and both awaited.

        Raises `SagittalError`, and leaves it open, where strokes are in memory that no disk takes.
        """
        self._end_work()
        study = self._study
        if study is not None and not self._lent:
            study.close()
        with self._lock:
            self._study = None
        self._lent = False
        self._runs.clear()

    def study(self) -> StudyFacts | None:
        study = self._study
        return study.facts() if study is not None else None

    def scan(self, scan: str) -> ScanFacts:
        return self._open().scan(scan)

    def thumbnail(self, scan: str) -> Array:
        return self._open().thumbnail(scan)

    def image(self, scan: str) -> ImageLoan:
        volume, arrival = self._open().arriving_volume(scan)
        data = volume.data.view()
        data.flags.writeable = False
        header = volume.header
        return ImageLoan(
            scan, data, volume.affine, volume.spacing, volume.window, header.unit, header.windows, arrival,
            directed=not volume.grid.assumed_axes, orientation=volume.grid.orientation,
            sized=not volume.grid.assumed_size,
        )  # fmt: skip

    def labels(self, scan: str, label_set: str) -> LabelLoan:
        return self._open().labels(scan, label_set)

    def record_edit(self, scan: str, label_set: str, edit: Edit) -> None:
        self._open_for_writing().record_edit(scan, label_set, edit)

    def save_labels(
        self, scan: str, label_set: str, data: Array, labels: Sequence[Label], review: str | None = None
    ) -> None:
        self._open_for_writing().save_labels(scan, label_set, data, labels, review)
        self._changed("labels", (scan,))

    def set_label_table(self, label_set: str, labels: Sequence[Label]) -> None:
        self._open_for_writing().set_label_table(label_set, labels)
        self._changed("labels")

    def set_review(self, scan: str, label_set: str, review: str) -> None:
        self._open_for_writing().set_review(scan, label_set, review)
        self._changed("labels", (scan,))

    def add_review_time(self, scan: str, label_set: str, seconds: float) -> None:
        self._open_for_writing().add_review_time(scan, label_set, seconds)
        self._changed("labels", (scan,))

    def recoveries(self) -> list[Recovery]:
        return list(self._open().recoveries())

    def support_plans(self, scan: str | None = None) -> list[SupportPlan]:
        return list(self._open().support_plans(scan))

    def set_support_plan(self, plan: SupportPlan) -> None:
        self._open_for_writing().set_support_plan(plan)

    def propose_support_slices(self, first: int, last: int) -> tuple[int, ...]:
        from sagittal_engine.kit.one_shot import support_slices

        return support_slices(min(first, last), max(first, last))

    def set_meta(self, scan: str, values: Mapping[str, str]) -> None:
        self._open_for_writing().set_meta(scan, values)
        self._changed("scans", (scan,))

    def set_preference(self, name: str, value: str) -> None:
        self._open_for_writing().set_preference(name, value)
        self._changed("preferences")

    def remove_scans(self, scans: Sequence[str]) -> None:
        self._open_for_writing().remove_scans(scans)
        self._changed("scans", tuple(scans))

    def restore_scans(self, scans: Sequence[str]) -> None:
        self._open_for_writing().restore_scans(scans)
        self._changed("scans", tuple(scans))

    def start_look(self, paths: Sequence[Path], *, labels: Sequence[Path] = (), layout: str = "auto") -> str:
        study = self._study

        def work(task: Task) -> Mapping[str, Any]:
            from sagittal_engine.study.looking import look_through

            return look_through(paths, task.progress, task.boundary, labels=labels, layout=layout, study=study)

        return self._tasks.start("look", "Looking through files", work)

    def series_thumbnail(self, series: SeriesFacts) -> Array:
        from sagittal_engine.study.looking import picture

        return picture(series)

    def resampled(self, found: OtherGrid) -> Resampled:
        from sagittal_engine.study.other_grids import resampled

        return resampled(found)

    def patient(self, file: Path) -> str:
        from sagittal_engine.imaging.dicom.person import patient_of

        return patient_of(file)

    def start_import(
        self,
        paths: Sequence[Path],
        *,
        labels: Sequence[Path] = (),
        meta: Path | None = None,
        layout: str = "auto",
        resample: Sequence[Path] | None = None,
    ) -> str:
        study = self._open_for_writing()

        def work(task: Task) -> Mapping[str, Any]:
            try:
                return study.import_paths(
                    paths,
                    labels=labels,
                    meta=meta,
                    progress=task.progress,
                    boundary=task.boundary,
                    layout=layout,
                    resample=resample,
                )
            finally:
                self._changed("scans")

        return self._tasks.start("import", "Importing scans", work)

    def label_table(self, label_set: str) -> tuple[Label, ...]:
        from sagittal_engine.service.label_tables import table_of

        return table_of(self._open(), label_set)

    def read_label_table(self, path: Path) -> tuple[Label, ...]:
        from sagittal_engine.imaging import read_label_table

        return read_label_table(path)

    def merge_label_table(self, label_set: str, labels: Sequence[Label]) -> tuple[Label, ...]:
        from sagittal_engine.service.label_tables import merge

        before = merge(self._open_for_writing(), label_set, labels)
        self._changed("labels")
        return before

    def write_label_table(self, label_set: str, path: Path) -> None:
        from sagittal_engine.service.label_tables import write

        write(self._open(), label_set, path)

    def start_export(
        self, label_set: str, format: str, out: Path, scans: Sequence[str] = (), *, make_series: str = ""
    ) -> str:
        study = self._open()

        def work(task: Task) -> Mapping[str, Any]:
            from sagittal_engine.service.exporting import export_label_set

            return export_label_set(study, label_set, format, out, scans, task, make_series)

        return self._tasks.start("export", f"Exporting '{label_set}' as {format}", work)

    def start_review_table(self, label_set: str, out: Path, scans: Sequence[str] = ()) -> str:
        study = self._open()

        def work(task: Task) -> Mapping[str, Any]:
            from sagittal_engine.service.case_table import write_table

            return write_table(study, label_set, out, scans, task)

        return self._tasks.start("table", f"Writing the volumes of '{label_set}'", work)
