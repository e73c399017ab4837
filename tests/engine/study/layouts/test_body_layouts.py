"""Hearts and prostates: which file is a scan, which its label map, and what is known of it."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from sagittal_engine.study import Study


def told(scan) -> dict[str, str]:
    return {name: value for name, value in scan.meta.items() if name not in ("subject", "data set")}


def names_of(scan) -> dict[int, str]:
    return {label.number: label.name for label in scan.label_sets[0].labels}


@pytest.fixture
def acdc(tmp_path: Path, make) -> Path:
    root = tmp_path / "ACDC" / "database"
    for patient, (split, ed, es, group) in {
        "patient001": ("training", 1, 3, "DCM"),
        "patient101": ("testing", 2, 4, "NOR"),
    }.items():
        place = root / split / patient
        seed = int(patient[-3:])
        make.scan(place / f"{patient}_4d.nii.gz", seed, (4, 4, 2, 5))
        for frame in (ed, es):
            make.scan(place / f"{patient}_frame{frame:02d}.nii.gz", seed + frame)
            make.labels(place / f"{patient}_frame{frame:02d}_gt.nii.gz", (1, 2, 3), seed + frame)
        (place / "Info.cfg").write_text(
            f"ED: {ed}\nES: {es}\nGroup: {group}\nHeight: 184.0\nNbFrame: 5\nWeight: 95.0\n"
        )
    make.scan(root / "training" / "patient001" / "patient001_frame05.nii.gz", 77)
    (root / "MANDATORY_CITATION.md").write_text("Bernard et al.")
    return root


def test_acdc(study: Study, acdc: Path, bring, scans):
    report = bring(acdc)
    found = scans()
    assert len(found) == 5
    end_diastole = found["patient001_frame01"]
    assert told(end_diastole) == {"phase": "ED", "diagnosis": "DCM", "split": "training"}
    assert end_diastole.subject == "ACDC patient001" == found["patient001_frame03"].subject
    assert end_diastole.modality == "MR"
    assert names_of(end_diastole) == {1: "right ventricle", 2: "myocardium", 3: "left ventricle"}
    assert told(found["patient101_frame04"]) == {"phase": "ES", "diagnosis": "NOR", "split": "testing"}
    between = found["patient001_frame05"]
    assert "phase" not in between.meta and between.label_sets == () and between.warnings == ()
    refused = {Path(row["path"]).name: row["reason"] for row in report["refused"]}
    assert refused.keys() == {"patient001_4d.nii.gz", "patient101_4d.nii.gz", "MANDATORY_CITATION.md"}
    assert "whole heart beat" in refused["patient001_4d.nii.gz"]
    (recognised,) = report["layouts"]
    assert recognised["sentence"] == (
        "5 scans of ACDC, with their attributes phase (ED, ES), diagnosis (DCM, NOR), split (testing, training)."
    )
    assert {entry["layout"] for entry in report["imported"]} == {"acdc"}
    truth = next(entry for entry in report["imported"] if entry["name"] == "patient001_frame01")["labels"][0]
    assert (truth["set"], truth["paired_by"]) == ("truth", "the layout of ACDC")


def test_one_patient_of_acdc_alone_is_known_by_what_lies_beside_it(study: Study, acdc: Path):
    place = acdc / "training" / "patient001"
    study.import_paths([place / "patient001_frame01.nii.gz"])
    (scan,) = study.facts().scans
    assert scan.meta["phase"] == "ED" and scan.label_sets == ()


def test_promise12(study: Study, tmp_path: Path, make, bring, scans):
    root = tmp_path / "PROMISE12"
    random = np.random.default_rng(0)
    for folder, case, labelled in (
        ("TrainingData_Part1", 0, True),
        ("TrainingData_Part1", 1, True),
        ("TestData", 0, 0),
    ):
        make.mhd(root / folder / f"Case{case:02d}.mhd", random.integers(0, 900, (3, 5, 6)).astype(np.int16))
        if labelled:
            label = random.integers(0, 2, (3, 5, 6)).astype(np.uint8)
            make.mhd(root / folder / f"Case{case:02d}_segmentation.mhd", label)
    bring(root)
    found = {scan.subject: scan for scan in study.facts().scans}
    assert found.keys() == {"PROMISE12 training case00", "PROMISE12 training case01", "PROMISE12 testing case00"}
    assert names_of(found["PROMISE12 training case00"]) == {1: "prostate"}
    assert "domain" not in found["PROMISE12 training case00"].meta
    assert found["PROMISE12 testing case00"].meta["split"] == "testing"


def test_prostates_in_folders_of_their_centres(study: Study, tmp_path: Path, make, bring, scans):
    for seed, centre in enumerate(("HK", "BIDMC")):
        make.scan(tmp_path / "prostate" / centre / "Case00.nii.gz", seed)
        make.labels(tmp_path / "prostate" / centre / "Case00_Segmentation.nii.gz", (1,), seed)
    bring(tmp_path / "prostate")
    assert {(scan.subject, scan.meta["domain"]) for scan in study.facts().scans} == {
        ("PROMISE12 HK training case00", "HK"),
        ("PROMISE12 BIDMC training case00", "BIDMC"),
    }


def test_files_called_case_without_any_segmentation_are_no_prostates(study: Study, tmp_path: Path, make, bring, scans):
    make.scan(tmp_path / "d" / "Case00.nii.gz")
    assert bring(tmp_path / "d")["layouts"] == []
    assert told(study.facts().scans[0]) == {}


def test_whole_hearts(study: Study, tmp_path: Path, make, bring, scans):
    root = tmp_path / "MM-WHS 2017"
    numbers = (205, 420, 500, 550, 600, 820, 850)
    for seed, domain in enumerate(("ct", "mr")):
        make.scan(root / f"{domain}_train" / f"{domain}_train_1001_image.nii.gz", seed)
        make.labels(root / f"{domain}_train" / f"{domain}_train_1001_label.nii.gz", numbers, seed)
        make.scan(root / f"{domain}_test" / f"{domain}_test_2001_image.nii.gz", seed + 5)
    bring(root)
    found = scans()
    assert told(found["ct_train_1001_image"]) == {"domain": "CT", "split": "training"}
    assert found["mr_test_2001_image"].modality == "MR" and found["mr_test_2001_image"].meta["split"] == "testing"
    assert len({scan.subject for scan in found.values()}) == 4
    assert names_of(found["mr_train_1001_image"])[820] == "ascending aorta"
    assert (study.masks(found["ct_train_1001_image"].scan, "truth")["left atrium"]).any()


def test_a_misprint_in_the_labels_of_hearts_in_mr_is_read_right(study: Study, tmp_path: Path, make, bring, scans):
    make.scan(tmp_path / "d" / "mr_train_1010_image.nii.gz")
    make.labels(tmp_path / "d" / "mr_train_1010_label.nii.gz", (420, 421, 500))
    bring(tmp_path / "d")
    (scan,) = scans().values()
    assert names_of(scan) == {420: "left atrium", 500: "left ventricle"}
    stored = np.asanyarray(nib.load(tmp_path / "d" / "mr_train_1010_label.nii.gz").dataobj)
    masks = study.masks(scan.scan, "truth")
    assert masks["left atrium"].sum() == np.isin(stored, (420, 421)).sum()
    assert masks["left ventricle"].sum() == (stored == 500).sum()


def test_hvsmr_of_the_challenge(study: Study, tmp_path: Path, make, bring, scans):
    root = tmp_path / "HVSMR2016"
    for seed, kind in enumerate(("axial_full", "axial_crop", "sa_crop")):
        make.scan(root / "Training dataset" / f"training_{kind}_pat0.nii.gz", seed)
        make.labels(root / "Ground truth" / f"training_{kind}_pat0-label.nii.gz", (1, 2), seed)
    make.scan(root / "Test dataset" / "testing_axial_full_pat10.nii.gz", 9)
    bring(root)
    found = scans()
    assert told(found["training_sa_crop_pat0"]) == {
        "split": "training", "view": "short axis", "crop": "cropped", "edition": "2016"
    }  # fmt: skip
    assert names_of(found["training_axial_full_pat0"]) == {1: "myocardium", 2: "blood pool"}
    assert {scan.subject for scan in found.values()} == {"HVSMR pat0", "HVSMR pat10"}


def test_hvsmr_2(study: Study, tmp_path: Path, make, bring, scans):
    root = tmp_path / "HVSMR-2.0"
    make.scan(root / "cropped" / "pat3_cropped.nii.gz")
    make.labels(root / "cropped" / "pat3_cropped_seg.nii.gz", (1, 2, 8))
    make.labels(root / "cropped" / "pat3_cropped_seg_endpoints.nii.gz", (1,))
    make.scan(root / "cropped_norm" / "pat3_cropped_norm.nii.gz", 3)
    (root / "hvsmr_clinical.csv").write_text("Pat,Age,Category\n3,12,severe\n")
    report = bring(root)
    scan = scans()["pat3_cropped"]
    assert scan.meta["category"] == "severe" and scan.meta["edition"] == "2.0"
    assert names_of(scan) == {1: "left ventricle", 2: "right ventricle", 8: "inferior vena cava"}
    reasons = {Path(row["path"]).name: row["reason"] for row in report["refused"]}
    assert "vessels were cut off" in reasons["pat3_cropped_seg_endpoints.nii.gz"]
