"""Exports of a whole study, and label tables into and out of it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from sagittal.engine_port import SagittalError
from sagittal.exports import EXPORT_FORMATS, SERIES_AS
from sagittal.facts import Label, colour_of
from sagittal_engine import imaging
from sagittal_engine.imaging.exporters.dicom_series import MODALITIES
from sagittal_engine.service.case_table import write_table
from sagittal_engine.service.exporting import export_label_set
from sagittal_engine.service.label_tables import merge, table_of, write
from sagittal_engine.study import Study
from sagittal_engine.tasks import Task

SHAPE = (6, 5, 4)
TABLE = [Label(1, "liver", "#E69F00"), Label(2, "spleen", "#56B4E9")]
Export = Callable[..., Any]


def painted(seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 3, SHAPE).astype(np.uint16)


def save_series(folder: Path, study_uid: str | None = None) -> None:
    """A CT series of four slices, with pixels of its own where it has an own study."""
    folder.mkdir()
    study = generate_uid() if study_uid is None else study_uid
    series, frame = generate_uid(), generate_uid()
    for index in range(SHAPE[2]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID, data.SOPInstanceUID, data.Modality = CTImageStorage, meta.MediaStorageSOPInstanceUID, "CT"
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, frame
        data.PatientID, data.PatientName, data.SeriesNumber, data.InstanceNumber = "4711", "Muster^Erika", 3, index + 1
        data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 2.5 * index]
        data.PixelSpacing, data.SliceThickness = [0.8, 0.8], 2.5
        data.Rows, data.Columns = SHAPE[1], SHAPE[0]
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
        data.PixelData = np.full(SHAPE[1::-1], index + (study_uid is not None), np.int16).tobytes()
        data.save_as(folder / f"{index}.dcm", enforce_file_format=True)


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    """Two NIfTI scans and a DICOM series, each painted."""
    data = tmp_path / "data"
    data.mkdir()
    for number in (1, 2):
        voxels = np.random.default_rng(number).integers(-900, 900, SHAPE).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-2.0, 2.0, 3.0, 1.0])), data / f"image_{number}.nii.gz")
    save_series(data / "series")
    with Study.create(tmp_path / "study") as made:
        made.import_paths([data])
        for seed, scan in enumerate(made.facts().scans):
            made.save_labels(scan.scan, "painted", painted(seed), TABLE)
        yield made


@pytest.fixture
def export(study: Study, tmp_path: Path) -> Export:
    """Exports "painted" into `tmp_path/out`."""

    def run(format: str, *scans: str, make_series: str = "") -> Any:
        task = Task("export", "test", lambda event: None)
        return export_label_set(study, "painted", format, tmp_path / "out", scans, task, make_series)

    return run


def names(result: Any) -> list[str]:
    return sorted(Path(path).name for path in result["files"])


def dicom_scan(study: Study) -> str:
    return next(scan.scan for scan in study.facts().scans if scan.kind == "dicom")


def test_every_format_that_is_named_can_be_written(export: Export, study: Study) -> None:
    assert {known.name for known in EXPORT_FORMATS} == {*imaging.FORMATS, "csv"}
    assert set(SERIES_AS) == {"auto", *MODALITIES}
    for known in EXPORT_FORMATS:
        result = export(known.name, dicom_scan(study))
        assert result["verified"] and result["differences"] == result["refused"] == [] and result["files"]


def test_volumes_of_all_scans_are_one_table(export: Export, study: Study, tmp_path: Path) -> None:
    first = study.facts().scans[0]
    study.set_review(first.scan, "painted", "accepted")
    result = export("csv")
    assert names(result) == ["painted_volumes.csv"] and result["verified"]
    with (tmp_path / "out" / "painted_volumes.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["scan"] for row in rows if row["review"] == "accepted"] == [first.scan] * 2
    assert len(rows) == 6 and {row["name"] for row in rows} == {scan.name for scan in study.facts().scans}
    for row in rows:
        scan = study.find(row["scan"])
        voxels = int((study.labels(scan.scan, "painted").data == int(row["number"])).sum())
        assert int(row["voxels"]) == voxels
        assert float(row["volume_ml"]) == pytest.approx(voxels * np.prod(scan.spacing) / 1000, abs=5e-4)
        assert float(row["surface_cm2"]) > 0
    write_table(study, "painted", tmp_path / "again.csv", (), Task("table", "test", lambda event: None))
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "out" / "painted_volumes.csv").read_bytes()


def test_a_scan_whose_labels_cannot_be_read_keeps_its_rows_of_the_table(
    export: Export, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan, real = study.facts().scans[1], study.labels

    def labels(asked: str, label_set: str) -> Any:
        if asked == scan.scan:
            raise SagittalError("The file is gone.")
        return real(asked, label_set)

    monkeypatch.setattr(study, "labels", labels)
    result = export("csv")
    assert result["verified"]
    assert result["refused"] == [{"scan": scan.scan, "name": scan.name, "reason": "The file is gone."}]
    with (tmp_path / "out" / "painted_volumes.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["scan"] == scan.scan]
    assert len(rows) == 2 and not any(row["surface_cm2"] for row in rows)


def test_dicom_segmentation_is_refused_with_an_offer_where_scans_are_no_dicom(export: Export, tmp_path: Path) -> None:
    with pytest.raises(SagittalError, match=r"2 of 3 scans are no DICOM \(image_1, image_2\). Let a DICOM series be"):
        export("dicom-seg")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("asked", "modality"), [("auto", "CT"), ("MR", "MR"), ("OT", "OT")])
def test_a_series_is_made_and_referred_to(
    export: Export, study: Study, tmp_path: Path, asked: str, modality: str
) -> None:
    result = export("dicom-seg", make_series=asked)
    assert result["verified"] and not result["refused"]
    segs = [Path(path) for path in result["files"] if path.endswith(".seg.dcm")]
    assert len(segs) == 3 and len(result["files"]) == 3 + 2 * SHAPE[2]
    seg = pydicom.dcmread(tmp_path / "out" / "image_1_painted.seg.dcm")
    first = pydicom.dcmread(tmp_path / "out" / "image_1_painted_series" / "0001.dcm")
    assert seg.ReferencedSeriesSequence[0].SeriesInstanceUID == first.SeriesInstanceUID
    assert (seg.FrameOfReferenceUID, first.Modality) == (first.FrameOfReferenceUID, modality)
    assert (seg.PatientID, str(seg.PatientName)) == ("image_1", "")
    series = SimpleITK.ReadImage(sorted(map(str, (tmp_path / "out" / "image_1_painted_series").iterdir())))
    source = SimpleITK.ReadImage(str(tmp_path / "data" / "image_1.nii.gz"))
    there = SimpleITK.Resample(source, series, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor, 9999)
    assert np.array_equal(SimpleITK.GetArrayFromImage(there), SimpleITK.GetArrayFromImage(series))


def test_a_segmentation_and_its_series_come_back_as_scan_and_labels(
    export: Export, study: Study, tmp_path: Path
) -> None:
    export("dicom-seg", "image_2", make_series="MR")
    with Study.create(tmp_path / "other") as other:
        (imported,) = other.import_paths([tmp_path / "out"])["imported"]
        (labels,) = imported["labels"]
        there, here = other.labels(imported["scan"], labels["set"]), study.labels(study.find("image_2").scan, "painted")
        assert np.array_equal(there.data, here.data) and there.labels == here.labels


def test_a_series_whose_identifiers_were_blanked_is_made_anew(study: Study, tmp_path: Path) -> None:
    save_series(tmp_path / "anonymous", study_uid="")
    imported = study.import_paths([tmp_path / "anonymous"])["imported"]
    (scan,) = [row["scan"] for row in imported]
    study.save_labels(scan, "painted", painted(7), TABLE)
    ask = (study, "painted", "dicom-seg", tmp_path / "out", (scan,), Task("export", "", lambda event: None))
    with pytest.raises(SagittalError, match=r"blank StudyInstanceUID, so no DICOM .* refer to it\. Let"):
        export_label_set(*ask)
    result = export_label_set(*ask, "auto")
    assert result["verified"] and len(result["files"]) == SHAPE[2] + 1
    seg = pydicom.dcmread(result["files"][-1])
    made = pydicom.dcmread(result["files"][0])
    assert made.StudyInstanceUID and seg.StudyInstanceUID == made.StudyInstanceUID
    assert (made.Modality, str(made.PatientName)) == ("CT", "")


def test_a_scan_that_cannot_be_written_does_not_stop_the_others(export: Export, study: Study) -> None:
    first = study.facts().scans[0]
    study.save_labels(first.scan, "painted", np.zeros(SHAPE, np.uint16), TABLE)
    result = export("stl")
    (refused,) = result["refused"]
    assert (refused["name"], refused["scan"]) == (first.name, first.scan) and "is empty" in refused["reason"]
    assert result["verified"] and len(result["files"]) == 4
    with pytest.raises(SagittalError, match=r"Nothing was exported\. The label map is empty"):
        export("stl", first.name)


def test_what_does_not_read_back_is_said(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    from sagittal_engine.imaging.exporters import nrrd

    def spoilt(stem: Path, labels: Any, *rest: Any) -> list[Path]:
        labels = labels.copy()
        labels[0, 0, 0] = 3 - labels[0, 0, 0]
        return write(stem, labels, *rest)

    write = nrrd.write
    monkeypatch.setattr(nrrd, "write", spoilt)
    result = export("nrrd", "image_1")
    assert not result["verified"] and "other label numbers" in result["differences"][0]


def test_a_file_that_the_study_reads_is_never_replaced(study: Study, tmp_path: Path) -> None:
    data = tmp_path / "more"
    data.mkdir()
    image = nibabel.Nifti1Image(np.arange(120, dtype=np.int16).reshape(SHAPE), np.diag([-2.0, 2.0, 3.0, 1.0]))
    nibabel.save(image, data / "a_painted.nii.gz")
    nibabel.save(
        nibabel.Nifti1Image(np.arange(120, 240, dtype=np.int16).reshape(SHAPE), image.affine), data / "a.nii.gz"
    )
    study.import_paths([data])
    study.save_labels(study.find("a").scan, "painted", painted(9), TABLE)
    before = (data / "a_painted.nii.gz").read_bytes()
    with pytest.raises(SagittalError, match=r"holds a_painted\.nii\.gz, which this study reads"):
        export_label_set(study, "painted", "nifti", data, ("a",), Task("export", "", lambda event: None))
    assert (data / "a_painted.nii.gz").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_one_sentence(study: Study, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SagittalError, match=r"The folder .*file/out cannot be made: Not a directory\. Choose another"):
        export_label_set(
            study, "painted", "nifti", tmp_path / "file" / "out", (), Task("export", "", lambda event: None)
        )


def test_a_full_disk_is_a_reason(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SagittalError, match=r"Nothing was exported.*could not be written: No space left on device"):
        export("nrrd")


@pytest.mark.parametrize(
    ("origin", "kind"),
    [({"kind": "predicted"}, "AUTOMATIC"), ({"kind": "predicted", "edited": True}, "SEMIAUTOMATIC")],
)
def test_a_predicted_segmentation_says_so(export: Export, study: Study, origin: dict[str, Any], kind: str) -> None:
    from sagittal_engine.study.tables import LabelSetRow

    scan = dicom_scan(study)
    with study.catalogue.writing() as session:
        session.query(LabelSetRow).filter_by(scan_id=scan, name="painted").one().origin = origin
    study.changed()
    (path,) = export("dicom-seg", scan)["files"]
    assert {segment.SegmentAlgorithmType for segment in pydicom.dcmread(path).SegmentSequence} == {kind}


def test_words_that_are_unknown(export: Export) -> None:
    with pytest.raises(SagittalError, match="Did you mean 'itk-snap'"):
        export("itksnap")
    with pytest.raises(SagittalError, match="one of auto, CT, MR, OT; got 'XA'"):
        export("dicom-seg", make_series="XA")


def test_a_table_is_merged_by_number_and_can_be_taken_back(study: Study) -> None:
    new = [Label(2, "Milz", "#010203"), Label(5, "kidney", "#040506")]
    before = merge(study, "painted", new)
    assert list(before) == TABLE
    assert table_of(study, "painted") == (TABLE[0], *new)
    scan = study.facts().scans[0].scan
    assert study.labels(scan, "painted").labels == (TABLE[0], *new)
    study.set_label_table("painted", before)
    assert list(table_of(study, "painted")) == TABLE


def test_a_name_for_two_numbers_is_refused(study: Study) -> None:
    with pytest.raises(SagittalError, match="Labels 1 and 5 of 'painted' would both be called 'liver'"):
        merge(study, "painted", [Label(5, "liver", "#010203")])
    assert list(table_of(study, "painted")) == TABLE


def test_a_set_that_no_scan_has_yet_can_be_given_names(study: Study) -> None:
    assert merge(study, "second look", TABLE) == ()
    assert list(table_of(study, "second look")) == TABLE
    assert study.labels(study.facts().scans[0].scan, "second look").labels == tuple(TABLE)


def test_a_table_is_written_and_reads_back(study: Study, tmp_path: Path) -> None:
    merge(study, "painted", [Label(9, 'the "odd" one', colour_of(9))])
    write(study, "painted", tmp_path / "t.label")
    assert [row.name for row in imaging.read_label_table(tmp_path / "t.label")] == ["liver", "spleen", "the 'odd' one"]
    write(study, "painted", tmp_path / "t.labels.json")
    assert imaging.read_label_table(tmp_path / "t.labels.json") == table_of(study, "painted")
    with pytest.raises(SagittalError, match="has no labels yet"):
        write(study, "nothing", tmp_path / "n.label")
