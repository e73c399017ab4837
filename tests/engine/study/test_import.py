"""Import: pairing, names, refusals, warnings, cancel, meta labels."""

import json
from pathlib import Path

import numpy as np
import pytest

from sagittal.engine_port import SagittalError
from sagittal_engine.study import Study
from sagittal_engine.study.pairing import Named, pair


def files_of(report: dict) -> set[str]:
    return {f for entry in report["imported"] for f in entry["files"]} | {r["path"] for r in report["refused"]}


@pytest.mark.parametrize(
    ("image_path", "label_path"),
    [
        ("image_7.nii.gz", "label_7.nii.gz"),
        ("images/a.nii.gz", "labels/a.nii.gz"),
        ("imagesTr/la_003_0000.nii.gz", "labelsTr/la_003.nii.gz"),
        ("ct.nii.gz", "ct-label.nii.gz"),
        ("ct.nii.gz", "ct_label.nii.gz"),
        ("ct.nii.gz", "ct_seg.nii.gz"),
        ("ct.nii.gz", "ct_mask.nii.gz"),
        ("brain1_image.nrrd", "brain1_label.nrrd"),
        ("images/IDRiD_01.jpg", "masks/IDRiD_01_OD.tif"),
        ("scan.nii", "masks/scan.nii"),
        ("series/1.dcm", "labels.nii.gz"),
    ],
)
def test_label_maps_find_their_image_by_name(image_path: str, label_path: str):
    paths = [Path("/d") / image_path, Path("/d") / label_path]
    items = [Named(p, p.name.split(".")[0], is_series=p.suffix == ".dcm") for p in paths]
    assert [(p.image, p.label) for p in pair(items)] == [(0, 1)]


def test_names_alone_do_not_join_far_folders_or_two_equal_images():
    far = [Named(Path("/d/a/images/x.nii"), "x"), Named(Path("/d/b/labels/x.nii"), "x")]
    assert pair(far) == []
    twice = [Named(Path("/d/x.nii"), "x"), Named(Path("/d/x.nrrd"), "x"), Named(Path("/d/x_seg.nii"), "x_seg")]
    assert pair(twice) == []


def test_every_file_ends_in_the_report(study: Study, tmp_path: Path, image, label):
    data = tmp_path / "data"
    image(data / "image_1.nii.gz", 1)
    label(data / "label_1.nii.gz", 1)
    image(data / "image_2.nii.gz", 2)
    label(data / "label_9.nii.gz", 1)
    image(data / "image_3.nii.gz", 1)
    (data / "notes.txt").write_text("seen")
    (data / "table.csv").write_text("scan,age")
    (data / "labels.json").write_text(json.dumps({"labels": [{"number": 1, "name": "liver", "colour": "#112233"}]}))
    report = study.import_paths([data])
    assert files_of(report) == {str(p) for p in data.rglob("*")}
    assert [entry["name"] for entry in report["imported"]] == ["image_1", "image_2"]
    names = report["imported"][0]["labels"][0]
    assert names["set"] == "truth" and names["labels"][0] == {"number": 1, "name": "liver"}
    assert names["labels"][1] == {"number": 2, "name": "label 2"}
    assert any("No label map was found" in w for w in report["imported"][1]["warnings"])
    reasons = {Path(r["path"]).name: r["reason"] for r in report["refused"]}
    assert "voxel for voxel, the label map of image_1" in reasons["label_9.nii.gz"]
    assert "as image_1" in reasons["image_3.nii.gz"]
    assert "--meta" in reasons["table.csv"]
    assert study.facts().scans[0].label_sets[0].labels[0].colour == "#112233"


def test_the_same_content_has_the_same_id_and_is_imported_once(study: Study, scan: str, tmp_path: Path):
    again = study.import_paths([tmp_path / "data"])
    assert again["imported"] == [] and len(again["refused"]) == 2
    with Study.create(tmp_path / "other") as other:
        assert other.import_paths([tmp_path / "data"])["imported"][0]["scan"] == scan


def test_images_alone_are_no_cause_for_warnings(study: Study, tmp_path: Path, image):
    image(tmp_path / "a.nii.gz", 1)
    assert study.import_paths([tmp_path / "a.nii.gz"])["imported"][0]["warnings"] == []


def test_label_maps_given_by_hand_go_with_the_images_in_order(study: Study, tmp_path: Path, image, label):
    images = [image(tmp_path / "i" / f"{n}.nii.gz", i) for i, n in enumerate("ba")]
    labels = [label(tmp_path / "l" / f"{n}.nii.gz", i) for i, n in enumerate("xy")]
    report = study.import_paths(images, labels=labels)
    assert [(e["name"], Path(e["labels"][0]["path"]).name) for e in report["imported"]] == [
        ("b", "x.nii.gz"),
        ("a", "y.nii.gz"),
    ]
    with pytest.raises(SagittalError, match="2 label maps were given for 1 images"):
        study.import_paths(images[:1], labels=labels)


def test_a_label_map_on_another_grid_is_resampled_and_said_so(study: Study, tmp_path: Path, image, label):
    image(tmp_path / "d" / "image_1.nii.gz")
    affine = np.diag([-1.0, 1.0, 3.0, 1.0])
    affine[:3, 3] = [0.5, -0.5, 0.0]
    fine = label(tmp_path / "d" / "label_1.nii.gz", shape=(12, 10, 4), affine=affine)
    entry = study.import_paths([tmp_path / "d"])["imported"][0]
    assert any("resampled" in w for w in entry["warnings"])
    import nibabel as nib

    stored = np.asanyarray(nib.load(fine).dataobj)
    loan = study.labels(entry["scan"], "truth")
    assert loan.data.shape == (6, 5, 4) and set(np.unique(loan.data)) <= {0, 1, 2}
    assert np.isin(loan.data, stored).all() and loan.data.any()


def test_a_label_map_elsewhere_in_space_is_refused(study: Study, tmp_path: Path, image, label):
    image(tmp_path / "d" / "image_1.nii.gz")
    affine = np.diag([-2.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = 500
    label(tmp_path / "d" / "label_1.nii.gz", affine=affine)
    report = study.import_paths([tmp_path / "d"])
    assert "does not overlap" in report["refused"][0]["reason"] and report["imported"][0]["labels"] == []


def test_itk_snap_names(study: Study, tmp_path: Path, image, label):
    image(tmp_path / "d" / "image_1.nii.gz")
    label(tmp_path / "d" / "label_1.nii.gz")
    table = '# comment\n0 0 0 0 0 0 0 "Clear Label"\n1 255 0 16 1 1 1 "Spleen"\n'
    (tmp_path / "d" / "organs.label").write_text(table)
    report = study.import_paths([tmp_path / "d"])
    label_set = study.facts().scans[0].label_sets[0]
    assert (label_set.labels[0].name, label_set.labels[0].colour) == ("Spleen", "#FF0010")
    assert report["refused"] == []


def test_a_cancelled_import_keeps_what_was_finished(study: Study, tmp_path: Path, image):
    for n in range(4):
        image(tmp_path / "d" / f"s{n}.nii.gz", n)

    class Cancelled(Exception):
        pass

    def boundary() -> None:
        if len(study.facts().scans) == 2:
            raise Cancelled

    with pytest.raises(Cancelled) as caught:
        study.import_paths([tmp_path / "d"], boundary=boundary)
    assert "2 scans were imported" in caught.value.__notes__[0]
    assert len(study.facts().scans) == 2
    assert len(study.import_paths([tmp_path / "d"])["imported"]) == 2


def test_meta_labels_from_a_table(study: Study, tmp_path: Path, image):
    for n in range(2):
        image(tmp_path / "d" / f"s{n}.nii.gz", n)
    table = tmp_path / "meta.csv"
    table.write_text("scan;subject;scanner\ns0.nii.gz;anna;A\nS1;bert;B\nghost;x;y\n")
    report = study.import_paths([tmp_path / "d"], meta=table)
    facts = study.facts().scans
    assert [(s.subject, s.meta["scanner"]) for s in facts] == [("anna", "A"), ("bert", "B")]
    assert [r["reason"] for r in report["refused"]] == [
        "Row 4 of meta.csv names 'ghost', which is no scan of this study."
    ]
    assert report["imported"][0]["subject"] == "anna"


def test_importing_does_not_touch_sources(study: Study, scan: str, tmp_path: Path):
    source = tmp_path / "data" / "label_1.nii.gz"
    before = source.read_bytes(), source.stat().st_mtime_ns
    loan = study.labels(scan, "truth")
    loan.data[:] = 1
    study.save_labels(scan, "truth", loan.data, loan.labels)
    assert (source.read_bytes(), source.stat().st_mtime_ns) == before
    assert (study.labels(scan, "truth").data == 1).all()


@pytest.mark.data
def test_real_scans(study: Study, shared_data: Path):
    report = study.import_paths([shared_data / "hippocampus_msd", shared_data / "ct_dicom_totalsegmentator"])
    by_name = {entry["name"]: entry for entry in report["imported"]}
    assert len(by_name) == 42
    assert any("No label map" in w for w in by_name["hippocampus_118"]["warnings"])
    refused = {Path(r["path"]).name: r["reason"] for r in report["refused"]}
    assert "label map of hippocampus_011" in refused["hippocampus_010.nii.gz"]
    dicom = next(entry for entry in report["imported"] if entry["kind"] == "dicom")
    assert len(dicom["files"]) == 21 and dicom["labels"]
