"""Knees: arrays without a header, labels by exam."""

import pickle
from pathlib import Path

import numpy as np

from sagittal_engine.study import Study


def attributes(scan) -> dict[str, str]:
    return {name: value for name, value in scan.meta.items() if name not in ("subject", "data set")}


def mrnet(root: Path, make) -> Path:
    for seed, (part, exam) in enumerate((("train", "0000"), ("train", "0001"), ("valid", "1130"))):
        for turn, plane in enumerate(("axial", "coronal", "sagittal")):
            make.array(root / part / plane / f"{exam}.npy", seed * 3 + turn, (4 + turn, 6, 5))
    (root / "train-acl.csv").write_text("0000,0\n0001,1\n")
    (root / "train-abnormal.csv").write_text("0000,1\n0001,1\n")
    (root / "valid-acl.csv").write_text("1130,1\n")
    return root


def test_mrnet(study: Study, tmp_path: Path, make, bring, scans):
    root = mrnet(tmp_path / "MRNet-v1.0", make)
    report = bring(root)
    assert report["refused"] == []
    found = scans()
    assert len(found) == 9
    sagittal = found["0001 sagittal"]
    assert attributes(sagittal) == {
        "exam": "0001", "plane": "sagittal", "split": "training", "acl": "1", "abnormal": "1"
    }  # fmt: skip
    assert attributes(found["1130 axial"]) == {"exam": "1130", "plane": "axial", "split": "validation", "acl": "1"}
    assert sagittal.subject == found["0001 axial"].subject == "MRNet 0001"
    assert sagittal.kind == "sagittal slices" and sagittal.modality == "MR"
    # Slices lie along the axis that their plane is named for.
    assert sagittal.shape == (6, 5, 6) and found["0001 coronal"].shape == (5, 5, 6)
    stored = np.load(root / "train" / "sagittal" / "0001.npy")
    # Shown: the head above, the front on the left; slices run to the left, the canonical first axis to the right.
    assert (study.volume(sagittal.scan).data == stored[::-1, ::-1, ::-1].transpose(0, 2, 1)).all()
    assert report["layouts"][0]["sentence"].startswith("9 scans of MRNet, with their attributes exam (")


def test_a_thumbnail_shows_a_slice_as_it_was_stored(study: Study, tmp_path: Path, make, scans):
    root = mrnet(tmp_path / "MRNet-v1.0", make)
    for seed, plane in enumerate(("axial", "coronal", "sagittal")):
        make.array(root / "train" / plane / "0000.npy", 90 + seed, (4, 96, 96))
    study.import_paths([root])
    for plane in ("axial", "coronal", "sagittal"):
        scan = scans()[f"0000 {plane}"].scan
        stored = np.load(root / "train" / plane / "0000.npy").astype(np.float64)
        picture = study.thumbnail(scan)
        alike = [np.corrcoef(picture.ravel(), one.ravel())[0, 1] for one in stored]
        assert picture.shape == (96, 96) and max(alike) > 0.99


def test_arrays_without_tables_are_refused_with_the_reason(study: Study, tmp_path: Path, make):
    make.array(tmp_path / "train" / "axial" / "0000.npy")
    report = study.import_paths([tmp_path / "train"])
    assert report["imported"] == [] and "bare numbers" in report["refused"][0]["reason"]


def kneemri(root: Path) -> Path:
    rows = ["examId,seriesNo,aclDiagnosis,kneeLR,roiX,roiY,roiZ,roiHeight,roiWidth,roiDepth,volumeFilename"]
    for number, (folder, exam, grade) in enumerate((("vol08", 100, 0), ("vol10", 200, 1), ("vol01", 300, 2))):
        (root / folder).mkdir(parents=True, exist_ok=True)
        volume = np.random.default_rng(number).integers(0, 4096, (3, 6, 5)).astype(np.uint16)
        (root / folder / f"{exam}-8.pck").write_bytes(pickle.dumps(volume, protocol=2 + number))
        rows.append(f"{exam},8,{grade},1,0,0,0,2,2,2,{exam}-8.pck")
    (root / "metadata.csv").write_text("\n".join(rows))
    return root


def test_kneemri(study: Study, tmp_path: Path, bring, scans):
    report = bring(kneemri(tmp_path / "kneeMRI"))
    assert report["refused"] == []
    assert attributes(scans()["200-8"]) == {
        "exam": "200", "plane": "sagittal", "acl": "partially injured", "acl injury": "1", "acl rupture": "0",
        "knee": "1", "volume folder": "vol10", "split": "validation",
    }  # fmt: skip
    assert {one.meta["volume folder"]: one.meta["split"] for one in scans().values()} == {
        "vol08": "training", "vol10": "validation", "vol01": "testing"
    }  # fmt: skip
    assert scans()["100-8"].subject == "KneeMRI 100"
    assert study.volume(scans()["300-8"].scan).data.shape == (3, 5, 6)


class Foreign:
    """A pickle of this would write a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_volume_that_names_foreign_classes_is_refused_and_nothing_runs(study: Study, tmp_path: Path, bring):
    root = kneemri(tmp_path / "kneeMRI")
    (root / "vol08" / "100-8.pck").write_bytes(pickle.dumps(Foreign(tmp_path / "harm")))
    report = bring(root)
    (refused,) = report["refused"]
    assert len(report["imported"]) == 2 and not (tmp_path / "harm").exists()
    assert "100-8.pck is refused: it names" in refused["reason"] and "Nothing of it was run." in refused["reason"]


def test_a_table_of_exams_may_name_folders_of_dicom_slices(study: Study, tmp_path: Path, shared_data: Path, scans):
    series = sorted((shared_data / "ct_dicom_torchio").rglob("*.dcm"))
    (tmp_path / "E1").mkdir()
    for file in series:
        (tmp_path / "E1" / file.name).symlink_to(file)
    (tmp_path / "exams.csv").write_text("exam,plane,path,acl\nE1,axial,E1,1\n")
    study.import_paths([tmp_path / "exams.csv"])
    assert scans().keys() == {"E1 axial"}
    assert scans()["E1 axial"].meta["acl"] == "1" and scans()["E1 axial"].subject == "E1"


def test_a_table_of_exams(study: Study, tmp_path: Path, make, scans):
    root = tmp_path / "exams"
    make.scan(root / "E1" / "sag.nii.gz", 1)
    make.array(root / "E1" / "cor.npy", 2)
    make.array(root / "E2" / "odd.npy", 3)
    table = root / "knees.csv"
    table.write_text(
        "Exam;Plane;Path;Patient;ACL\nE1;Sagittal;E1/sag.nii.gz;P7;1\nE1;coronal;E1\\cor.npy;P7;1\n"
        "E2;oblique;E2/odd.npy;P8;0\nE3;axial;E3/gone.npy;P9;0\n"
    )
    report = study.import_paths([table])
    found = scans()
    assert found.keys() == {"E1 sagittal", "E1 coronal"}
    assert attributes(found["E1 coronal"]) == {"exam": "E1", "plane": "coronal", "acl": "1"}
    assert {one.subject for one in found.values()} == {"P7"}
    assert found["E1 coronal"].kind == "coronal slices" and found["E1 sagittal"].kind == "nifti"
    reasons = {Path(row["path"]).name: row["reason"] for row in report["refused"]}
    assert "'oblique'" in reasons["odd.npy"] and "which is not there" in reasons["gone.npy"]
    assert "knees.csv" not in reasons
