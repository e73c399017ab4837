"""DICOM segmentations come back: voxels, names, colours, and the series they were drawn on."""

from __future__ import annotations

import shutil
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from sagittal.facts import Label
from sagittal_engine import Study
from sagittal_engine.imaging import ImagingError, Source, discover, label_table, probe, read
from sagittal_engine.imaging.dicom.segments import frame_table
from sagittal_engine.imaging.exporters import Making, dicom_seg
from sagittal_engine.imaging.exporters.dicom_series import Identity, write_series
from sagittal_engine.imaging.exporters.segment_codes import meaning_of
from sagittal_engine.imaging.volume import Header, SourceGrid, Volume

SHAPE = (9, 7, 6)
TABLE = (Label(2, "left kidney", "#56B4E9"), Label(7, "spleen", "#F0E442"))


def series(folder: Path, seed: int = 0) -> Source:
    """A series of its own in `folder`, oblique and anisotropic."""
    turn = np.deg2rad(20)
    affine = np.diag([1.5, 1.5, 4.0, 1.0])
    affine[:2, :2] = 1.5 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    affine[:3, 3] = (10, -20, 30)
    data = np.random.default_rng(seed).integers(0, 900, SHAPE).astype(np.int16)
    grid = SourceGrid(shape=SHAPE, affine=affine)
    folder.mkdir()
    volume = Volume(data=grid.to_canonical(data), header=Header(grid=grid, dtype="int16"))
    return write_series(folder, volume, Identity(f"scan{seed}", f"P{seed}", "T2", "MR"))


def painted(source: Source) -> np.ndarray:
    """Labels in canonical order, on some of the slices."""
    labels = np.zeros(probe(source).shape, np.uint16)
    labels[2:5, 1:4, 1] = 2
    labels[2:6, 1:5, 2] = 2
    labels[6:8, 4:6, 4] = 7
    return labels


def exported(source: Source, folder: Path) -> Path:
    (path,) = dicom_seg.write(folder / "made", painted(source), TABLE, source, probe(source), Making.BY_HAND)
    return path


def labels_of(study: Study, name: str) -> np.ndarray:
    (scan,) = study.facts().scans
    assert [one.name for one in scan.label_sets] == [name]
    assert [(row.number, row.name, row.colour) for row in scan.label_sets[0].labels] == [
        (row.number, row.name, row.colour) for row in TABLE
    ]
    assert not scan.warnings
    return np.asarray(study.labels(scan.scan, name).data)


def test_an_export_dropped_with_its_series_is_its_label_map(tmp_path: Path) -> None:
    source = series(tmp_path / "mr")
    exported(source, tmp_path / "mr")
    study = Study.create(tmp_path / "study")
    report = study.import_paths([tmp_path / "mr"])
    assert not report["refused"]
    assert np.array_equal(labels_of(study, "Sagittal segmentation"), painted(source))
    study.close()


def test_segments_carry_the_codes_of_what_they_are(tmp_path: Path) -> None:
    kidney, spleen = pydicom.dcmread(exported(series(tmp_path / "mr"), tmp_path)).SegmentSequence
    for segment, code in ((kidney, codes.SCT.Kidney), (spleen, codes.SCT.Spleen)):
        assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeValue == codes.SCT.AnatomicalStructure.value
        assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == code.value
    (side,) = kidney.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence
    assert (side.CodeValue, side.CodingSchemeDesignator, side.CodeMeaning) == ("7771000", "SCT", "Left")
    assert "SegmentedPropertyTypeModifierCodeSequence" not in spleen.SegmentedPropertyTypeCodeSequence[0]


@pytest.mark.parametrize(
    ("name", "code", "modifiers"),
    [
        ("liver", codes.SCT.Liver, ()),
        ("Liver", codes.SCT.Liver, ()),
        ("right kidney", codes.SCT.Kidney, (codes.SCT.Right,)),
        ("kidney_left", codes.SCT.Kidney, (codes.SCT.Left,)),
        ("Kidney R", codes.SCT.Kidney, (codes.SCT.Right,)),
        ("kidneys", codes.SCT.Kidney, ()),
        ("hippocampus", codes.SCT.Hippocampus, ()),
        ("anterior hippocampus", codes.SCT.Hippocampus, (codes.SCT.Anterior,)),
        ("vessels", codes.SCT.BloodVessel, ()),
        ("aneurysm", codes.SCT.Aneurysm, ()),
        ("left ventricle", codes.SCT.LeftVentricle, ()),
        ("heart_ventricle_left", codes.SCT.LeftVentricle, ()),
        ("lung_upper_lobe_left", codes.SCT.UpperLobeOfLung, (codes.SCT.Left,)),
        ("vertebrae_L5", codes.SCT.L5Vertebra, ()),
        ("rib_left_7", codes.SCT.Rib, (codes.SCT.Left,)),
        ("urinary_bladder", codes.SCT.Bladder, ()),
        ("inferior vena cava", codes.SCT.InferiorVenaCava, ()),
        ("tumour", codes.SCT.Neoplasm, ()),
        ("label 3", codes.SCT.Tissue, ()),
        ("left", codes.SCT.Tissue, ()),
        ("normal", codes.SCT.Tissue, ()),
        ("Leber", codes.SCT.Tissue, ()),
        ("", codes.SCT.Tissue, ()),
    ],
)
def test_a_name_tells_the_code(name: str, code: Code, modifiers: tuple[Code, ...]) -> None:
    meaning = meaning_of(name)
    assert (meaning.type.value, meaning.modifiers) == (code.value, modifiers)


def test_an_export_dropped_later_finds_its_series_in_the_study(tmp_path: Path) -> None:
    source = series(tmp_path / "mr")
    study = Study.create(tmp_path / "study")
    study.import_paths([tmp_path / "mr"])
    path = exported(source, tmp_path)
    assert not study.import_paths([path])["refused"]
    (scan,) = study.facts().scans
    assert np.array_equal(np.asarray(study.labels(scan.scan, "Sagittal segmentation").data), painted(source))
    # Once more is a second label set, and never in place of the first.
    study.import_paths([path])
    assert [one.name for one in study.facts().scans[0].label_sets] == [
        "Sagittal segmentation",
        "Sagittal segmentation 2",
    ]
    study.close()


def test_a_segmentation_of_another_series_is_refused_with_the_way_out(tmp_path: Path) -> None:
    series(tmp_path / "mr")
    path = exported(series(tmp_path / "other", seed=1), tmp_path)
    study = Study.create(tmp_path / "study")
    study.import_paths([tmp_path / "mr"])
    (refused,) = study.import_paths([path])["refused"]
    assert refused["reason"] == (
        f"{path.name} is a DICOM segmentation of a series that is not in the study. Import that first."
    )
    study.close()


def test_a_segmentation_of_a_series_that_lost_a_slice_is_refused_and_the_rest_imported(tmp_path: Path) -> None:
    source = series(tmp_path / "mr")
    path = exported(source, tmp_path)
    study = Study.create(tmp_path / "study")
    study.import_paths([tmp_path / "mr"])
    source.files[2].unlink()
    series(tmp_path / "other", seed=1)
    report = study.import_paths([path, tmp_path / "other"])
    assert len(report["imported"]) == 1
    assert "belongs to" in next(one["reason"] for one in report["refused"] if one["path"] == str(path))
    study.close()


def test_a_segmentation_without_places_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = exported(series(tmp_path / "mr"), tmp_path)
    data = pydicom.dcmread(path)
    del data.PerFrameFunctionalGroupsSequence
    data.save_as(path)
    (found,) = discover([path]).items
    with pytest.raises(ImagingError, match="not evenly spaced, parallel planes"):
        probe(found)


def test_a_segmentation_cut_short_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = exported(series(tmp_path / "mr"), tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    found = discover([path])
    for item in found.items:
        with pytest.raises(ImagingError, match=path.name):
            read(item)
    assert found.items or found.refused


def test_probabilities_from_a_half_on_and_colours_by_number_where_there_are_none(tmp_path: Path) -> None:
    source = series(tmp_path / "mr")
    images = [pydicom.dcmread(path) for path in source.files]
    parts = np.zeros((len(images), *images[0].pixel_array.shape, 2), np.float32)
    parts[1:3, 1:4, 2:5, 0] = 0.7
    parts[1, 1, 2, 0] = 0.4
    parts[2, 1:3, 2:4, 1] = 1.0
    descriptions = [
        highdicom.seg.SegmentDescription(
            number, name, codes.SCT.Tissue, codes.SCT.Tissue, highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
        )
        for number, name in ((1, "one"), (2, "two"))
    ]
    made = highdicom.seg.Segmentation(
        images, parts, highdicom.seg.SegmentationTypeValues.FRACTIONAL, descriptions, generate_uid(), 5,
        generate_uid(), 1, "x", "x", "1", "1", series_description="probabilities", omit_empty_frames=False,
    )  # fmt: skip
    made.save_as(tmp_path / "p.dcm")
    frame_table(made).close()
    (found,) = discover([tmp_path / "p.dcm"]).items
    assert found.name == "probabilities"
    volume = read(found)
    wanted = np.where(parts[..., 1] >= 0.5, 2, (parts[..., 0] >= 0.5).astype(int))
    assert np.array_equal(volume.data, probe(source).grid.to_canonical(wanted.transpose(2, 1, 0)))
    assert [(row.number, row.name) for row in label_table(found)] == [(1, "one"), (2, "two")]
    assert len({row.colour for row in label_table(found)}) == 2


def test_a_segmentation_of_one_slice(tmp_path: Path) -> None:
    source = series(tmp_path / "mr")
    labels = np.zeros(probe(source).shape, np.uint16)
    labels[3:6, 2:5, 3] = 7
    (path,) = dicom_seg.write(tmp_path / "one", labels, TABLE, source, probe(source), Making.BY_HAND)
    shutil.move(path, tmp_path / "mr" / path.name)
    study = Study.create(tmp_path / "study")
    assert not study.import_paths([tmp_path / "mr"])["refused"]
    (scan,) = study.facts().scans
    assert np.array_equal(np.asarray(study.labels(scan.scan, scan.label_sets[0].name).data), labels)
    study.close()
