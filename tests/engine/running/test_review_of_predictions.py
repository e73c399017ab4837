"""What a study keeps of reviewing: voxels, time, names; and the table of it all, read back from the file."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel
import numpy as np
import pytest

from sagittal.engine_port import SagittalError
from sagittal.events import Reason, RunFinished, TaskFinished
from sagittal.facts import Label, SegmentRequest
from sagittal.run_request import RunRequest
from sagittal_engine.service import Engine

SHAPE = (12, 10, 6)


@pytest.fixture
def engine(registry):
    import torch

    torch.set_num_threads(1)
    engine = Engine(registry)
    yield engine
    engine.shut_down()


def done(listener, source, reason=Reason.COMPLETED):
    end = listener.until(lambda e: isinstance(e, (TaskFinished, RunFinished)) and e.source == source)
    assert end.reason is reason, end.error + end.detail
    return end


@pytest.fixture
def segmented(engine, listener, tmp_path):
    """A study of four scans, the last two segmented from the first two."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for n in range(4):
        image = np.random.default_rng(n).integers(0, 400, SHAPE).astype(np.int16)
        labels = np.zeros(SHAPE, np.uint8)
        labels[2:5, 2 + n : 6 + n, 1:5] = 1
        nibabel.save(nibabel.Nifti1Image(image, np.diag([2.0, 2.0, 5.0, 1.0])), folder / f"image_{n}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(labels, np.diag([2.0, 2.0, 5.0, 1.0])), folder / f"label_{n}.nii.gz")
    engine.new_study(tmp_path / "study")
    done(listener, engine.start_import([folder]))
    run = engine.start(RunRequest(method="marker", parameters={"steps": 1}, device="cpu"))
    done(listener, run)
    scans = sorted(engine.study().scans, key=lambda scan: scan.name)
    organ = scans[0].label_sets[0].labels[0].name
    request = SegmentRequest(run, (organ,), scans[0].scan, label_set="found", more_supports=(scans[1].scan,))
    done(listener, engine.start_segmentation(request))
    return engine, [scan.scan for scan in scans], organ


def the_set(engine, scan, name="found"):
    return next(one for one in engine.scan(scan).label_sets if one.name == name)


def test_figures_and_time_are_kept_and_follow_corrections(segmented):
    engine, scans, organ = segmented
    figures = the_set(engine, scans[2]).figures[organ]
    # Supports 12 columns of 4 rows high lie one voxel apart: a tie, and the same confidence on both, so no one wins.
    assert figures.voxels == 3 * 3 * 4 and figures.disagreement == pytest.approx(0.25)
    assert set(figures.agreement) == set(scans[:2])
    engine.add_review_time(scans[2], "found", 12.5)
    engine.add_review_time(scans[2], "found", 7.5)
    assert the_set(engine, scans[2]).seconds == 20.0
    loan = engine.labels(scans[2], "found")
    loan.data[0, 0, :2] = loan.labels[0].number
    engine.save_labels(scans[2], "found", loan.data, loan.labels, "corrected")
    kept = the_set(engine, scans[2])
    assert kept.figures[organ].voxels == 38 and kept.review == "corrected" and kept.seconds == 20.0
    assert kept.figures[organ].disagreement == pytest.approx(0.25), "how it came about does not change"
    with pytest.raises(SagittalError, match="no label set 'nothing'"):
        engine.add_review_time(scans[2], "nothing", 1.0)


def test_a_new_name_takes_figures_and_origin_along(segmented):
    engine, scans, _organ = segmented
    (row,) = the_set(engine, scans[3]).labels
    engine.set_label_table("found", [Label(row.number, "gallbladder", row.colour)])
    renamed = the_set(engine, scans[3])
    assert set(renamed.figures) == set(renamed.confidence) == {"gallbladder"}
    assert {example["label"] for example in renamed.origin["examples"]} == {"gallbladder"}


def test_the_table_has_a_row_per_case_and_label(segmented, listener, tmp_path):
    engine, scans, organ = segmented
    engine.add_review_time(scans[3], "found", 61.25)
    engine.set_review(scans[3], "found", "accepted")
    end = done(listener, engine.start_review_table("found", tmp_path / "out" / "volumes.csv"))
    assert end.result["verified"] and end.result["rows"] == 2
    with Path(end.result["file"]).open(newline="", encoding="utf-8-sig") as file:
        rows = {row["scan"]: row for row in csv.DictReader(file)}
    row = rows[scans[3]]
    assert (
        row["edited"] == "no"
        and row["label"] == organ
        and row["review"] == "accepted"
        and row["supports"] == " ".join(scans[:2])
    )
    assert float(row["volume_ml"]) == pytest.approx(int(row["voxels"]) * 20 / 1000)
    assert float(row["time_s"]) == pytest.approx(61.2) and float(row["disagreement"]) == 0.25
    assert row["entropy_bits"] == "" and row["volume_z"] == "", "what is not known is left empty"


def test_imported_labels_are_counted_for_the_table(segmented, listener, tmp_path):
    engine, scans, _organ = segmented
    end = done(listener, engine.start_review_table("truth", tmp_path / "truth.csv", scans[:1]))
    with Path(end.result["file"]).open(newline="", encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert row["voxels"] == "48" and row["scan"] == scans[0]
    end = done(listener, engine.start_review_table("nothing", tmp_path / "no.csv"), Reason.FAILED)
    assert "label set 'nothing'" in end.error
    folder = tmp_path / "taken.csv"
    folder.mkdir()
    end = done(listener, engine.start_review_table("found", folder), Reason.FAILED)
    assert "could not be written" in end.error and not end.detail
