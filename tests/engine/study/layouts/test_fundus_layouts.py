"""Optic disc and cup: five published sets, lists, and folders of pictures and masks."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from sagittal_engine.study import Study

DISC, CUP = 1, 2


def expected(disc: np.ndarray, cup: np.ndarray) -> np.ndarray:
    """(rows, columns) label numbers."""
    return np.where(cup, CUP, np.where(disc, DISC, 0))


def levels(disc: np.ndarray, cup: np.ndarray) -> np.ndarray:
    """As REFUGE codes them: 255 background, 128 disc, 0 cup."""
    return np.where(cup, 0, np.where(disc, 128, 255))


def labels_of(study: Study, scan, label_set: str = "truth") -> np.ndarray:
    """The labels as the file's (rows, columns): a picture's canonical axes run the other way along both."""
    return study.labels(scan.scan, label_set).data[::-1, ::-1, 0].T


def attributes(scan) -> dict[str, str]:
    return {name: value for name, value in scan.meta.items() if name not in ("subject", "data set")}


def test_rim_one_r3(study: Study, tmp_path: Path, make, bring, scans):
    root = tmp_path / "RIM-ONE r3"
    disc, cup = make.disc_and_cup()
    both = [np.hstack([mask, np.zeros_like(mask)]) * 255 for mask in (disc, cup)]
    for kind, stem, seed in (("Healthy", "N-1-L", 0), ("Healthy", "N-1-R", 1), ("Glaucoma and suspects", "S-2-R", 2)):
        make.photo(root / kind / "Stereo Images" / f"{stem}.jpg", seed, (48, 20))
        for part, mask in zip(("Disc", "Cup"), both, strict=True):
            make.picture(root / kind / "Average_masks" / f"{stem}-{part}-Avg.png", mask)
            make.picture(root / kind / "Expert1_masks" / f"{stem}-1-{part}-exp1.png", mask)
            make.picture(root / kind / "Expert2_masks" / f"{stem}-{part}-exp2.png", mask * 0)
            (root / kind / "Average_masks" / f"{stem}-{part}-Avg.txt").write_text("1 2\n")
    report = bring(root)
    left, suspect = scans()["N-1-L"], scans()["S-2-R"]
    assert left.shape == (24, 20, 1) and left.kind == "stereo"
    assert attributes(left) == {"diagnosis": "healthy", "eye": "left", "domain": "RIM-ONE r3"}
    assert attributes(suspect)["diagnosis"] == "suspect"
    assert left.subject == scans()["N-1-R"].subject != suspect.subject
    assert [one.name for one in left.label_sets] == ["truth", "truth expert 1", "truth expert 2"]
    assert (labels_of(study, left) == expected(disc, cup)).all()
    assert (labels_of(study, left, "truth expert 1") == expected(disc, cup)).all()
    assert all("contour" in row["reason"] for row in report["refused"]) and len(report["refused"]) == 6
    picture = study.volume(left.scan).data
    assert picture.shape == (24, 20, 1, 3)


def test_refuge(study: Study, tmp_path: Path, make, bring, scans):
    root = tmp_path / "REFUGE"
    disc, cup = make.disc_and_cup()
    mask = levels(disc, cup)
    make.photo(root / "Training400" / "Glaucoma" / "g0001.jpg", 1)
    make.picture(root / "Annotation-Training400" / "Disc_Cup_Masks" / "Glaucoma" / "g0001.bmp", mask)
    make.photo(root / "Training400" / "Non-Glaucoma" / "n0001.jpg", 2)
    make.picture(root / "Annotation-Training400" / "Disc_Cup_Masks" / "Non-Glaucoma" / "n0001.bmp", mask)
    make.photo(root / "REFUGE-Validation400" / "V0001.jpg", 3)
    make.picture(root / "REFUGE-Validation400-GT" / "Disc_Cup_Masks" / "V0001.bmp", mask)
    make.photo(root / "Test400" / "T0001.jpg", 4)
    make.picture(root / "REFUGE-Test-GT" / "Disc_Cup_Masks" / "G" / "T0001.bmp", mask)
    report = bring(root)
    assert report["refused"] == []
    found = scans()
    assert attributes(found["g0001"]) == {
        "diagnosis": "glaucoma", "split": "training", "camera": "Zeiss Visucam 500", "domain": "REFUGE"
    }  # fmt: skip
    assert attributes(found["V0001"]) == {"split": "validation", "camera": "Canon CR-2", "domain": "REFUGE valid"}
    assert attributes(found["T0001"])["diagnosis"] == "glaucoma"
    assert attributes(found["n0001"])["diagnosis"] == "no glaucoma"
    for scan in found.values():
        assert (labels_of(study, scan) == expected(disc, cup)).all()
    assert {label.name for label in found["g0001"].label_sets[0].labels} == {"disc", "cup"}


def test_refuge_with_numbered_masks_and_cut_copies(study: Study, tmp_path: Path, make, bring, scans):
    root = tmp_path / "REFUGE" / "val"
    disc, cup = make.disc_and_cup()
    for folder in ("Images", "Images_Cropped"):
        make.photo(root / folder / "V0001.jpg", len(folder))
    for folder in ("Masks", "Masks_Cropped"):
        make.picture(root / folder / "V0001.png", expected(disc, cup))
    (root / "index.json").write_text(json.dumps({"0": {"ImgName": "V0001.jpg", "Label": 1}}))
    report = bring(root)
    assert attributes(scans()["V0001"])["diagnosis"] == "glaucoma"
    assert (labels_of(study, scans()["V0001"]) == expected(disc, cup)).all()
    assert sorted(Path(row["path"]).parent.name for row in report["refused"]) == ["Images_Cropped", "Masks_Cropped"]


@pytest.mark.parametrize("masks", ["pictures", "matrices", "both"])
def test_origa(study: Study, tmp_path: Path, make, bring, scans, masks: str):
    root = tmp_path / "ORIGA"
    disc, cup = make.disc_and_cup()
    for number in ("001", "002"):
        make.photo(root / "Images" / f"{number}.jpg", int(number))
        if masks != "matrices":
            make.picture(root / "Masks" / f"{number}.png", expected(disc, cup))
        if masks != "pictures":
            (root / "Semi-automatic-annotations").mkdir(exist_ok=True)
            matrix = {"mask": expected(disc, cup).astype(np.uint8), "version": 1.0}
            scipy.io.savemat(root / "Semi-automatic-annotations" / f"{number}.mat", matrix)
    make.photo(root / "Images_Square" / "001.jpg", 9)
    (root / "OrigaList.csv").write_text("Eye,Filename,ExpCDR,Set,Glaucoma\nOD,001.jpg,0.7,A,0\nOS,002.jpg,0.5,B,1\n")
    report = bring(root)
    scan = scans()["ORIGA 002"]
    assert attributes(scan) == {"diagnosis": "glaucoma", "eye": "left", "split": "B", "domain": "ORIGA"}
    assert (labels_of(study, scan) == expected(disc, cup)).all()
    left = {Path(row["path"]).name for row in report["refused"]}
    assert left == {"001.jpg"} | ({"001.mat", "002.mat"} if masks == "both" else set())


def test_drishti_gs(study: Study, tmp_path: Path, make, bring, scans):
    root = tmp_path / "Drishti-GS1_files"
    disc, cup = make.disc_and_cup()
    wide = np.hypot(*np.mgrid[-10:10, -14:10]) < 8
    # Two of four experts saw a wider disc: no majority.
    soft = np.where(disc, 191, np.where(wide, 128, 0))
    for part, truth, stem, diagnosis in (
        ("Training", "GT", "drishtiGS_002", "GLAUCOMA"),
        ("Test", "Test_GT", "drishtiGS_001", ""),
    ):
        make.photo(root / part / "Images" / diagnosis / f"{stem}.png", len(part))
        place = root / part / truth / stem
        make.picture(place / "SoftMap" / f"{stem}_ODsegSoftmap.png", soft)
        make.picture(place / "SoftMap" / f"{stem}_cupsegSoftmap.png", cup * 255)
        (place / "AvgBoundary").mkdir()
        (place / "AvgBoundary" / f"{stem}_ODAvgBoundary.txt").write_text("1 2\n")
        (place / f"{stem}_cdrValues.txt").write_text("0.7 0.6 0.7 0.7\n")
    report = bring(root)
    assert attributes(scans()["drishtiGS_002"]) == {
        "diagnosis": "glaucoma", "split": "training", "domain": "Drishti-GS"
    }  # fmt: skip
    assert attributes(scans()["drishtiGS_001"]) == {"split": "testing", "domain": "Drishti-GS"}
    assert (labels_of(study, scans()["drishtiGS_002"]) == expected(disc, cup)).all()
    assert {"contour" in row["reason"] or "ratios" in row["reason"] for row in report["refused"]} == {True}


def test_a_disc_without_a_cup_is_whole(study: Study, tmp_path: Path, make, bring, scans):
    disc, _ = make.disc_and_cup()
    make.photo(tmp_path / "d" / "Images" / "drishtiGS_004.png", 1)
    make.picture(tmp_path / "d" / "GT" / "drishtiGS_004_ODsegSoftmap.png", disc * 255)
    bring(tmp_path / "d")
    (scan,) = scans().values()
    assert (labels_of(study, scan) == disc).all() and [one.name for one in scan.label_sets[0].labels] == ["disc"]


def test_domains_in_folders_of_pictures_and_masks(study: Study, tmp_path: Path, make, bring, scans):
    disc, cup = make.disc_and_cup()
    for domain in ("Domain1", "Domain2"):
        place = tmp_path / "Fundus" / domain / "train" / "ROIs"
        make.photo(place / "image" / "g1.png", int(domain[-1]))
        make.picture(place / "mask" / "g1.png", levels(disc, cup))
    report = bring(tmp_path / "Fundus")
    found = scans()
    assert {one.meta["domain"] for one in found.values()} == {"Domain1", "Domain2"}
    assert {one.meta["split"] for one in found.values()} == {"training"}
    assert len({one.subject for one in found.values()}) == 2
    for scan in found.values():
        assert (labels_of(study, scan) == expected(disc, cup)).all()
    assert report["layouts"][0]["attributes"]["domain"] == ["Domain1", "Domain2"]


def test_black_and_white_masks_stay_as_they_were_and_get_a_domain(study: Study, tmp_path: Path, make, bring, scans):
    disc, _ = make.disc_and_cup()
    for domain in ("hrf", "chase"):
        make.photo(tmp_path / "eyes" / domain / "images" / "a.png", len(domain))
        make.picture(tmp_path / "eyes" / domain / "masks" / "a.png", disc * 255)
    bring(tmp_path / "eyes")
    for scan in scans().values():
        assert scan.meta["domain"] in ("hrf", "chase") and scan.label_sets[0].labels[0].name == "label 1"
        assert (labels_of(study, scan) == disc).all()


def test_a_list_of_pictures_and_masks(study: Study, tmp_path: Path, make, scans):
    disc, cup = make.disc_and_cup()
    data = tmp_path / "data"
    lines = ["image,mask,age"]
    for number in (1, 2):
        make.photo(data / "RIM" / "p" / f"{number}.png", number)
        make.picture(data / "RIM" / "m" / f"{number}.png", levels(disc, cup))
        lines.append(f"RIM/p/{number}.png,RIM/m/{number}.png,{60 + number}")
    table = data / "RIM_ONE_r3_train.csv"
    table.write_text("\n".join(lines))
    report = study.import_paths([table])
    scan = scans()["1"]
    assert attributes(scan) == {"domain": "RIM_ONE_r3", "split": "training", "age": "61"}
    assert (labels_of(study, scan) == expected(disc, cup)).all()
    assert report["refused"] == [] and str(table) in report["imported"][0]["files"]


@pytest.mark.data
def test_real_vessel_domains(study: Study, shared_data: Path):
    one = sorted((shared_data / "fundus_chasedb1_vessel").rglob("*.jpg"))
    report = study.import_paths([path for path in one if path.stem == one[0].stem])
    (scan,) = study.facts().scans
    assert scan.meta["domain"] == "fundus_chasedb1_vessel" and scan.label_sets
    assert report["layouts"][0]["layout"] == "image_and_mask"
