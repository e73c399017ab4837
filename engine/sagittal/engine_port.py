"""The one door between the app and the engine. The app drives this protocol and reads events; it knows no torch.

Calls named `start_*` (and `start`) return an id at once; the work goes on in its own thread, publishes events and ends
with exactly one `TaskFinished` or `RunFinished`. `request_*` calls set a flag and return at once. All other calls do
their work in the caller's thread: those marked *slow* may read files and belong on a background thread of the app.
Errors a user can mend are raised as `SagittalError` with a whole sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sagittal.comparison import ComparisonFacts, ComparisonRequest
from sagittal.diagnosis import DiagnosisFacts, DiagnosisRequest, ExamDiagnosis, ExamFacts
from sagittal.events import Event
from sagittal.facts import (
    AdaptRequest,
    Check,
    Edit,
    EvaluateRequest,
    ForeignMethod,
    ImageLoan,
    Interrupted,
    Label,
    LabelLoan,
    OtherGrid,
    Recovery,
    Resampled,
    ScanFacts,
    SegmentRequest,
    SeriesFacts,
    SpectrumRequest,
    StudyCopy,
    StudyFacts,
    SupportPlan,
)
from sagittal.measure import MeasureCard
from sagittal.method import MethodCard
from sagittal.probe import ProbeCard
from sagittal.run_record import RunRecord
from sagittal.run_request import RunRequest
from sagittal.saliency import SaliencyFacts, SaliencyLayer, SaliencyRequest

if TYPE_CHECKING:
    import numpy as np


class SagittalError(Exception):
    """Something a user can mend: the message says what happened, to which thing, why, and what to do."""


class DamagedStudy(SagittalError):
    """The catalogue of a study cannot be read. `EnginePort.study_copies` lists what it can be restored from."""


class StudyPort(Protocol):
    """The catalogue: scans, labels, supports."""

    def new_study(self, path: Path) -> StudyFacts:
        """Creates an empty study folder and opens it."""

    def open_study(self, path: Path) -> StudyFacts:
        """Opens a study; reads no voxel. *Slow* on a network drive."""

    def new_unnamed_study(self) -> StudyFacts:
        """Creates and opens a study in the user's data folder, for work begun without choosing a folder."""

    def move_study(self, path: Path) -> StudyFacts:
        """Moves the open study to the new folder `path` and opens it there. *Slow* to another disk."""

    def close_study(self) -> None: ...

    def interrupted_studies(self) -> list[Interrupted]:
        """Studies left by a program that ended without closing them, with work nobody saved. *Slow.*"""

    def forget_interrupted(self, path: Path) -> None:
        """Offers such a study no more; an unnamed one moves to the folder `removed` of the user's data folder."""

    def study_copies(self, path: Path) -> list[StudyCopy]:
        """Whole copies of the catalogue of the study in `path`, newest first."""

    def restore_study(self, path: Path, copy: str) -> StudyFacts:
        """Opens a study whose catalogue is damaged with a copy in its place; the damaged file is kept. *Slow.*"""

    def study_damage(self, thorough: bool = False) -> list[str]:
        """One sentence for each file of the open study that is not as it was written; by size alone unless `thorough`,
        which reads every file. *Slow.*"""

    def start_relink(self, folder: Path) -> str:
        """Looks under `folder` for scans that are not where they were; the result is the document of `study relink`."""

    def study(self) -> StudyFacts | None:
        """The open study as it stands now."""

    def scan(self, scan: str) -> ScanFacts: ...

    def thumbnail(self, scan: str) -> np.ndarray[Any, Any]:
        """uint8 (rows, columns): the middle axial slice in radiological view, at most 96 px a side; cached. *Slow.*"""

    def image(self, scan: str) -> ImageLoan:
        """The scan's voxels. A long DICOM series is lent once its middle slice is read; `arrival` tells how much of
        it has come, and asking again when that is done gives it whole. *Slow.*"""

    def labels(self, scan: str, label_set: str) -> LabelLoan:
        """The label set, or an empty one where none exists yet; edits left in the journal are replayed. *Slow.*"""

    def record_edit(self, scan: str, label_set: str, edit: Edit) -> None:
        """Queues an edit for the journal (undo is the turned-round edit); it is on disk within a second."""

    def save_labels(
        self, scan: str, label_set: str, data: np.ndarray[Any, Any], labels: Sequence[Label], review: str | None = None
    ) -> None:
        """Writes a label set atomically and empties its journal. *Slow.*"""

    def set_label_table(self, label_set: str, labels: Sequence[Label]) -> None:
        """Names and colours of a label set, for the whole study."""

    def label_table(self, label_set: str) -> tuple[Label, ...]:
        """Names and colours of a label set in the whole study, by number; also of one that no scan has yet."""

    def read_label_table(self, path: Path) -> tuple[Label, ...]:
        """Names and colours in a file: ITK-SNAP's `.label`, 3D Slicer's `.seg.nrrd`, `.labels.json`. *Slow.*"""

    def merge_label_table(self, label_set: str, labels: Sequence[Label]) -> tuple[Label, ...]:
        """Gives a label set the names and colours of `labels` by number, and new rows; others stay.

        Returns the table as it was: `set_label_table` with it undoes the merge.
        """

    def write_label_table(self, label_set: str, path: Path) -> None:
        """Writes names and colours of a label set as `.label` or `.labels.json`, and re-reads them. *Slow.*"""

    def set_review(self, scan: str, label_set: str, review: str) -> None: ...

    def add_review_time(self, scan: str, label_set: str, seconds: float) -> None:
        """Adds time that a reader spent on a case."""

    def recoveries(self) -> list[Recovery]:
        """Journals that no save has taken up."""

    def support_plans(self, scan: str | None = None) -> list[SupportPlan]: ...

    def set_support_plan(self, plan: SupportPlan) -> None: ...

    def propose_support_slices(self, first: int, last: int) -> tuple[int, ...]:
        """The three slices to paint for an organ between two axial indices."""

    def set_meta(self, scan: str, values: Mapping[str, str]) -> None: ...

    def set_preference(self, name: str, value: str) -> None:
        """Keeps one of `StudyFacts.preferences` with the study; an empty value takes it away."""

    def remove_scans(self, scans: Sequence[str]) -> None:
        """Takes scans out of the study; source files stay untouched, label files move to `labels/removed/`."""

    def restore_scans(self, scans: Sequence[str]) -> None:
        """Undoes `remove_scans`."""

    def start_look(self, paths: Sequence[Path], *, labels: Sequence[Path] = (), layout: str = "auto") -> str:
        """Looks through files and folders without importing, with the words of `start_import`.

        The result has "series", a list of `SeriesFacts`; "other_grids", a list of `OtherGrid`; "refused", a list of
        {"path", "reason"}; and the "paths" and "labels" that were given.
        """

    def series_thumbnail(self, series: SeriesFacts) -> np.ndarray[Any, Any]:
        """As `thumbnail`, of what a look found. *Slow.*"""

    def resampled(self, found: OtherGrid) -> Resampled:
        """The label map on its image's grid, as an import would take it. *Slow.*"""

    def patient(self, file: Path) -> str:
        """Name and id of the person a DICOM file is of, read from it now and kept nowhere; "" for other files. *Slow.*

        For showing on demand only: it must reach no log, file or picture.
        """

    def start_import(
        self,
        paths: Sequence[Path],
        *,
        labels: Sequence[Path] = (),
        meta: Path | None = None,
        layout: str = "auto",
        resample: Sequence[Path] | None = None,
    ) -> str:
        """Imports files and folders; the result is the document of `import --json`.

        `layout`: "auto" recognises published data sets by how their folders lie and brings their attributes as meta
        labels, "none" does not, the name of one looks for that alone. `resample`: the label maps of another grid that
        may be brought onto their image's; others are refused. None: all may, and the report says so of each.
        """

    def start_export(
        self, label_set: str, format: str, out: Path, scans: Sequence[str] = (), *, make_series: str = ""
    ) -> str:
        """Writes a label set of every scan that has it and re-reads it; the result is the document of `export --json`.

        `make_series` lets a DICOM segmentation refer to a DICOM series made of a scan that is none: "CT", "MR", "OT",
        or "auto" for what its intensities suggest. Without it such scans are refused.
        """

    def start_review_table(self, label_set: str, out: Path, scans: Sequence[str] = ()) -> str:
        """Writes volumes, surfaces, figures, reviews and times of a label set's cases as CSV, a row per case and label:
        the table that `start_export` writes as "csv". The result is {"file", "rows", "verified", "differences",
        "refused"}."""


class RunPort(Protocol):
    """Methods, runs and what is done with them."""

    def methods(self) -> list[MethodCard]:
        """Cards of all methods that load; reads no torch."""

    def method_problems(self) -> dict[str, str]:
        """Methods that do not load: name → traceback. Those of packages that are not trusted are among them."""

    def foreign_methods(self) -> list[ForeignMethod]:
        """Methods whose code was not run, because their package is not trusted."""

    def trust_method(self, name: str) -> None:
        """Remembers that the user trusts the package of a foreign method in its version, and loads its methods.

        Raises `SagittalError` where no method of that name waits for trust.
        """

    def probes(self) -> list[ProbeCard]:
        """Cards of all measurements that a run may ask for; reads no torch."""

    def measures(self) -> list[MeasureCard]:
        """Cards of all that a finished run can be asked for; reads no torch."""

    def check(self, request: RunRequest) -> list[Check]:
        """What the request needs against what the study has, in words."""

    def start(self, request: RunRequest) -> str:
        """Queues a run and returns its id at once. Raises `SagittalError` where `check` has a blocking line."""

    def resume(self, run: str, stop_at: int | None = None) -> str:
        """Continues a finished or interrupted run under the same id."""

    def request_pause(self, source: str) -> None: ...

    def request_continue(self, source: str) -> None: ...

    def request_measuring(self, source: str, on: bool) -> None:
        """Lets the probes of a run that goes on measure, or not, from its next step on."""

    def request_stop(self, source: str) -> None:
        """Ends a run at the next step boundary, with a checkpoint."""

    def request_cancel(self, source: str) -> None:
        """Ends a run or task as soon as it can."""

    def runs(self) -> list[RunRecord]:
        """Every run of the study without its metrics, pictures and cases, newest first. *Slow.*"""

    def run(self, run: str) -> RunRecord:
        """One run whole. *Slow.*"""

    def start_segmentation(self, request: SegmentRequest) -> str:
        """Segments scans from the support that the request names, or where it names none by the run's network alone.

        The result is the document of `segment --json`.
        """

    def start_evaluation(self, request: EvaluateRequest) -> str: ...

    def start_adaptation(self, request: AdaptRequest) -> str:
        """Adapts a run's network to scans at test time. The result is the document of `adapt --json`: masks before and
        after are label sets of the scans, and the adapted network is a run like any other.

        That run's record grows scan by scan (`RunRecord.cases` and metrics), each told by `StudyChanged` of "runs" with
        the scan; `request_cancel` keeps what there is."""

    def check_adaptation(self, request: AdaptRequest) -> list[Check]:
        """What the request needs against the run and the study, in words. *Slow.*"""

    def keep_mask(self, run: str, scan: str, *, adapted: bool) -> None:
        """Puts a scan's mask before adapting in the place of the adapted one in the label set of an adapted run, or
        the adapted one back. Raises `SagittalError` where a reader reviewed the mask that would give way. *Slow.*"""

    def start_embedding(
        self, run: str, *, checkpoint: str = "last", parameters: Mapping[str, Any] | None = None
    ) -> str:
        """Draws a map of a run's images at a checkpoint ("last", "best" or a kept step) and keeps it with the run.

        `parameters` are those of the probe "embedding"; the result is its document.
        """

    def start_spectrum(self, request: SpectrumRequest) -> str:
        """Computes the curvature spectrum of a run's checkpoint; the result is the document of `spectrum --json`.

        It is kept among the run's `previews`: under "spectrum" beside those measured live (one per step, so that the
        run's checkpoints can be shown side by side), other matrices and modes under "spectrum MATRIX MODE".
        """

    def start_comparison(self, request: ComparisonRequest) -> str:
        """Fine-tunes a segmentation network from every start of `request`, one draw of labelled scans after the other,
        as soon as the device is free; returns the task's id.

        Every result is kept at once, and told by `ComparisonChanged`; `request_cancel` of the task stops, and
        `resume_comparison` goes on. The task's result is the document of `compare --json`. Raises `SagittalError`
        where the request does not fit the study, or a start has seen scans of subjects that are tested.
        """

    def resume_comparison(self, comparison: str) -> str:
        """Goes on with a comparison that was stopped, failed or ended with the program; returns the task's id."""

    def comparisons(self) -> list[ComparisonFacts]:
        """Every comparison of the study, newest first. *Slow.*"""

    def comparison(self, comparison: str) -> ComparisonFacts:
        """One comparison (its id, a unique beginning of it, or "last"). *Slow.*"""

    def exams(self) -> list[ExamFacts]:
        """The study's exams: scans of one exam in one or more planes, with the labels they share."""

    def start_diagnosis(self, request: DiagnosisRequest) -> str:
        """Lets classifiers judge exams, as soon as the device is free; the task's result is the document of
        `diagnose --json`. Each label is told by the runs that know it. Raises `SagittalError` where a run is no
        classifier, or the study has not an exam that is asked for."""

    def diagnoses(self) -> list[DiagnosisFacts]:
        """Every diagnosis of the study, newest first. *Slow.*"""

    def diagnosed(self, diagnosis: str) -> list[ExamDiagnosis]:
        """Every exam of a diagnosis without its slices and neighbours, in the order of the facts. *Slow.*"""

    def diagnosis(self, diagnosis: str, exam: str) -> ExamDiagnosis:
        """One exam of a diagnosis, with its slices and neighbours. *Slow.*"""

    def compare_diagnoses(self, one: str, other: str) -> Mapping[str, Any]:
        """`one` less `other` over the exams that both judged: {"diagnosis", "against", "labels": label → {"delong",
        "bootstrap"}}. Raises `SagittalError` where they share none whose truth is known. *Slow.*"""

    def saliency_layers(self, run: str) -> list[SaliencyLayer]:
        """Layers of a run's network that maps can be made from, the last that tells places apart first. Empty where
        the run has no network that could be asked. *Slow.*"""

    def saliency_targets(self, run: str) -> list[str]:
        """What a map of the run can explain. *Slow.*"""

    def start_saliency(self, request: SaliencyRequest, *, sanity: bool = False) -> str:
        """Makes a saliency map over all slices of a scan; with `sanity` also that of shuffled weights, and how alike
        they are. The task's result is the document of `saliency --json`, the map is kept with the run."""

    def saliency_maps(self, run: str) -> list[SaliencyFacts]:
        """Maps kept with a run, newest first. *Slow.*"""

    def saliency_map(self, saliency: str) -> np.ndarray[Any, Any]:
        """float32 (X, Y, Z) on the scan's grid in 0…1 of the map's largest value; NaN where no slice was looked at.
        *Slow.*"""

    def device_line(self) -> str:
        """The device and its memory, for the status bar: "CPU, 2 cores · 1.2 of 23 GB"."""

    def doctor(self) -> list[dict[str, Any]]:
        """What works on this machine and why not. *Slow.*"""


class EnginePort(StudyPort, RunPort, Protocol):
    """Everything the app asks of the engine."""

    def events(self) -> list[Event]:
        """Takes everything published since the last call; never blocks."""

    def warm_up(self) -> None:
        """Imports the heavy libraries. *Slow*; call it on a background thread once the window is up."""

    def shut_down(self) -> None:
        """Stops runs with a checkpoint, flushes journals, joins every thread."""
