"""Which layout is looked for, what the report says, and what an import leaves alone."""

from pathlib import Path

import pytest

from sagittal.engine_port import SagittalError
from sagittal_engine.study import Study, layouts
from sagittal_engine.study.layouts import LAYOUTS, module


@pytest.fixture
def hearts(tmp_path: Path, make) -> Path:
    root = tmp_path / "hearts"
    make.scan(root / "ct_train_1001_image.nii.gz")
    make.labels(root / "ct_train_1001_label.nii.gz", (205, 500))
    return root


def test_none_looks_for_no_data_set(study: Study, hearts: Path, scans):
    report = study.import_paths([hearts], layout="none")
    scan = scans()["ct_train_1001_image"]
    assert report["layouts"] == [] and "domain" not in scan.meta
    assert scan.label_sets[0].labels[0].name == "label 205"


def test_a_named_layout_is_the_only_one(study: Study, hearts: Path, scans):
    assert study.import_paths([hearts], layout="mmwhs")["layouts"][0]["title"] == "MM-WHS"
    assert scans()["ct_train_1001_image"].meta["domain"] == "CT"


def test_a_named_layout_that_is_not_there_is_an_error_that_says_what_it_looks_like(study: Study, hearts: Path):
    with pytest.raises(SagittalError, match=r"laid out as ACDC is\. It has patient001.*Info\.cfg"):
        study.import_paths([hearts], layout="acdc")
    with pytest.raises(SagittalError, match=r"no layout 'acdb'\. Known are auto, none, acdc"):
        study.import_paths([hearts], layout="acdb")
    assert study.facts().scans == ()


def test_every_layout_says_what_it_is_and_takes_nothing_of_other_files(tmp_path: Path, make):
    files = [make.scan(tmp_path / "a.nii.gz"), make.photo(tmp_path / "photo.png", 1), tmp_path / "notes.txt"]
    files[-1].write_text("seen")
    for name in LAYOUTS:
        assert module(name).TITLE and module(name).EXPECTS.endswith(".") and module(name).__doc__
        assert module(name).find(layouts.Files(files)) == layouts.Found()
    assert len(set(LAYOUTS)) == len(LAYOUTS) == len({module(name).TITLE for name in LAYOUTS})


def test_no_module_of_a_layout_is_forgotten():
    package = Path(layouts.__file__).parent
    helpers = {"__init__", "parts", "fundus", "recognised"}
    assert {path.stem for path in package.glob("*.py")} == helpers | set(LAYOUTS)


def test_attributes_come_to_scans_that_are_in_the_study_already(study: Study, hearts: Path, scans):
    study.import_paths([hearts], layout="none")
    study.set_meta(scans()["ct_train_1001_image"].scan, {"split": "mine"})
    report = study.import_paths([hearts])
    scan = scans()["ct_train_1001_image"]
    assert scan.meta["domain"] == "CT" and scan.meta["split"] == "mine" and scan.meta["data set"] == "MM-WHS"
    reasons = {Path(row["path"]).name: row["reason"] for row in report["refused"]}
    assert "Its attributes were added: domain, data set." in reasons["ct_train_1001_image.nii.gz"]
    assert report["imported"] == [] and report["layouts"][0]["scans"] == 1
    assert study.import_paths([hearts])["layouts"] == []


def test_large_tables_are_not_read_whole_to_see_what_they_are(tmp_path: Path):
    from sagittal_engine.study.layouts.parts import has_columns

    table = tmp_path / "t.csv"
    table.write_bytes(b'\xef\xbb\xbfExam;"Plane";PATH\nE1;axial;x\n' + b"\xff" * 100_000)
    assert has_columns(table, frozenset({"exam", "plane", "path"}))
    assert not has_columns(table, frozenset({"image"})) and not has_columns(tmp_path / "none.csv", frozenset({"a"}))


def test_label_maps_given_by_hand_leave_layouts_out(study: Study, hearts: Path, scans):
    image, label = (hearts / f"ct_train_1001_{what}.nii.gz" for what in ("image", "label"))
    study.import_paths([image], labels=[label])
    assert "domain" not in scans()["ct_train_1001_image"].meta


def test_two_data_sets_in_one_import(study: Study, hearts: Path, make, scans):
    make.scan(hearts / "p" / "Case00.nii.gz", 5)
    make.labels(hearts / "p" / "Case00_segmentation.nii.gz", (1,), 5)
    make.scan(hearts / "other.nii.gz", 6)
    report = study.import_paths([hearts])
    assert [row["layout"] for row in report["layouts"]] == ["promise12", "mmwhs"]
    assert scans()["other"].meta.keys() <= {"subject"} and len(scans()) == 3


def test_a_damaged_scan_of_a_data_set_is_refused_with_its_label_map(study: Study, hearts: Path, make):
    (hearts / "ct_train_1001_image.nii.gz").write_bytes(b"\x1f\x8bbroken")
    report = study.import_paths([hearts])
    assert report["imported"] == [] and len(report["refused"]) == 2


def test_a_damaged_label_map_leaves_its_scan(study: Study, hearts: Path, scans):
    label = hearts / "ct_train_1001_label.nii.gz"
    label.write_bytes(label.read_bytes()[:60])
    report = study.import_paths([hearts])
    assert scans()["ct_train_1001_image"].label_sets == ()
    assert any("could not be used" in w for w in report["imported"][0]["warnings"])
    assert [Path(row["path"]).name for row in report["refused"]] == [label.name]


def test_the_whole_table_of_names_is_the_study_s(study: Study, hearts: Path):
    from sagittal_engine.service.label_tables import table_of

    study.import_paths([hearts])
    assert [row.number for row in table_of(study, "truth")] == [205, 420, 500, 550, 600, 820, 850]
