"""The whole port on a real study of small files: import, lend, paint, train, segment, evaluate, export."""

from __future__ import annotations

import json
import time

import nibabel
import numpy as np
import pytest

from sagittal.engine_port import EnginePort, SagittalError
from sagittal.events import Reason, RunFinished, State, StateChanged, StudyChanged, TaskFinished
from sagittal.facts import Edit, EvaluateRequest, Label, SegmentRequest, SupportPlan
from sagittal.run_request import RunRequest
from sagittal_engine.service import Engine

SHAPE = (12, 10, 6)
"""As the test method `marker` expects it."""


@pytest.fixture
def files(tmp_path):
    """Three scans with two organs each, in the axis order LAS."""
    folder = tmp_path / "scans"
    folder.mkdir()
    affine = np.diag([-2.0, 2.0, 5.0, 1.0])
    for n in range(3):
        rng = np.random.default_rng(n)
        image = rng.integers(0, 400, SHAPE).astype(np.int16)
        labels = np.zeros(SHAPE, np.uint8)
        labels[2:5, 2 + n : 6 + n, 1:5] = 1
        labels[7:10, 3:7, 0:4] = 2
        nibabel.save(nibabel.Nifti1Image(image, affine), folder / f"image_{n}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(labels, affine), folder / f"label_{n}.nii.gz")
    return folder


@pytest.fixture
def engine(registry):
    import torch

    torch.set_num_threads(1)
    engine = Engine(registry)
    yield engine
    engine.shut_down()


@pytest.fixture
def filled(engine, listener, files, tmp_path):
    """The engine with the three scans imported."""
    engine.new_study(tmp_path / "study")
    end = done(listener, engine.start_import([files]))
    assert len(end.result["imported"]) == 3 and not end.result["refused"]
    return engine


def done(listener, source, reason=Reason.COMPLETED):
    end = listener.until(lambda e: isinstance(e, (TaskFinished, RunFinished)) and e.source == source)
    assert end.reason is reason, end.error + end.detail
    return end


def train(engine, listener, **parameters):
    run = engine.start(RunRequest(method="marker", parameters={"steps": 2, **parameters}, device="cpu"))
    done(listener, run)
    return run


def test_the_service_offers_the_whole_port():
    offered = {name for name in dir(EnginePort) if not name.startswith("_")}
    assert not {name for name in offered if not callable(getattr(Engine, name, None))}


def test_without_a_study_every_question_says_so(engine):
    assert engine.study() is None and engine.events() == []
    with pytest.raises(SagittalError, match="No study is open"):
        engine.runs()
    with pytest.raises(SagittalError, match="No study is open"):
        engine.start(RunRequest(method="tiny"))


def test_images_and_labels_are_lent_and_painting_comes_back(filled, listener):
    scan = filled.study().scans[0]
    image = filled.image(scan.scan)
    assert image.data.shape == SHAPE and not image.data.flags.writeable and image.spacing == (2.0, 2.0, 5.0)
    assert image.window[0] < image.window[1] and filled.thumbnail(scan.scan).dtype == np.uint8
    loan = filled.labels(scan.scan, "painted")
    assert not loan.data.any() and loan.data.flags.writeable
    organ = Label(1, "organ", "#E69F00")
    filled.set_label_table("painted", [organ])
    where = np.array([0, 1, 2])
    filled.record_edit(scan.scan, "painted", Edit("brush", where, np.zeros(3, np.uint16), np.ones(3, np.uint16)))
    loan.data.flat[where] = 1
    filled.save_labels(scan.scan, "painted", loan.data, [organ])
    filled.set_review(scan.scan, "painted", "accepted")
    again = filled.labels(scan.scan, "painted")
    assert np.array_equal(again.data, loan.data) and filled.recoveries() == []
    assert any(e.what == "labels" and e.scans == (scan.scan,) for e in listener.of(StudyChanged))
    plan = SupportPlan(scan.scan, "organ", 0, 5, filled.propose_support_slices(0, 5), ("done",) * 3)
    filled.set_support_plan(plan)
    assert filled.support_plans(scan.scan) == [plan] and plan.slices == (1, 3, 5)
    filled.set_meta(scan.scan, {"scanner": "one"})
    filled.remove_scans([scan.scan])
    assert len(filled.study().scans) == 2
    filled.restore_scans([scan.scan])
    assert filled.scan(scan.scan).meta["scanner"] == "one"


def test_from_training_to_export(filled, listener, tmp_path):
    run = train(filled, listener)
    scans = filled.study().scans
    names = [label.name for label in scans[0].label_sets[0].labels]
    request = SegmentRequest(run, tuple(names), scans[0].scan, label_set="found")
    end = done(listener, filled.start_segmentation(request))
    assert len(end.result["cases"]) == 2
    query = filled.scan(end.result["cases"][0]["scan"])
    written = next(found for found in query.label_sets if found.name == "found")
    assert written.origin["run"] == run and {label.name for label in written.labels} == set(names)
    assert written.confidence[names[0]][1] == 0.5

    end = done(listener, filled.start_export("found", "nifti", tmp_path / "out"))
    assert end.result["verified"] is True
    paths = [p for p in end.result["files"] if p.endswith(".nii.gz")]
    assert len(paths) == 2 and np.array_equal(nibabel.load(paths[0]).affine, np.diag([-2.0, 2.0, 5.0, 1.0]))
    end = done(listener, filled.start_export("found", "nifty", tmp_path / "out"), Reason.FAILED)
    assert "Did you mean 'nifti'" in end.error and not end.detail


def test_evaluation_is_kept_with_the_run(filled, listener):
    run = train(filled, listener)
    scans = filled.study().scans
    names = [label.name for label in scans[0].label_sets[0].labels]
    request = EvaluateRequest(
        run, scans=tuple(s.scan for s in scans), support=scans[0].scan, parameters={"resamples": 100}
    )
    end = done(listener, filled.start_evaluation(request))
    assert end.result["protocol"] == "deployed" and len(end.result["cases"]) == 2
    summary = end.result["summary"]
    assert set(summary) == {f"dice_{name}" for name in names} | {"dice_mean"}
    assert summary[f"dice_{names[1]}"]["mean"] == 1.0, "the second organ is at the same place in every scan"
    kept = filled.run(run).evaluations
    assert len(kept) == 1 and kept[0]["summary"] == json.loads(json.dumps(summary)) and kept[0]["task"] == "one-shot"
    for parameters, words in (
        ({"quadrants": "true"}, "protocol 'published'"),
        ({"labels": "heart"}, "no label heart"),
        ({"resamples": "0"}, "resamples"),
        ({"lvel": 1}, "Did you mean 'level'"),
    ):
        wrong = EvaluateRequest(run, parameters=parameters)
        end = done(listener, filled.start_evaluation(wrong), Reason.FAILED)
        assert words in end.error and not end.detail
    assert len(filled.run(run).evaluations) == len(filled.runs()[0].evaluations) == 1


def test_a_study_is_not_left_while_work_goes_on(filled, listener, tmp_path):
    run = filled.start(RunRequest(method="tiny", parameters={"wait": True}, device="cpu"))
    listener.until(lambda e: isinstance(e, StateChanged) and e.source == run and e.state is State.PREPARING)
    with pytest.raises(SagittalError, match="still going on"):
        filled.open_study(tmp_path / "study")
    filled.close_study()
    assert filled.study() is None
    assert done(listener, run, Reason.STOPPED).step == 0
    assert len(filled.open_study(tmp_path / "study").scans) == 3
    assert filled.runs()[0].resumable


def test_a_second_program_reads_only(filled, listener, registry, tmp_path):
    run = train(filled, listener)
    other = Engine(registry)
    try:
        assert other.open_study(tmp_path / "study").read_only
        assert other.run(run).state.step == 2
        with pytest.raises(SagittalError, match="Nothing can be written"):
            other.start(RunRequest(method="tiny"))
        assert any(line.blocking and "reading only" in line.text for line in other.check(RunRequest(method="tiny")))
    finally:
        other.shut_down()


def test_an_import_is_cancelled(filled, listener, tmp_path, monkeypatch):
    from sagittal_engine.study import Study

    def slow(self, paths, *, boundary, **_rest):
        while True:
            boundary()
            time.sleep(0.001)

    monkeypatch.setattr(Study, "import_paths", slow)
    task = filled.start_import([tmp_path])
    filled.request_cancel(task)
    done(listener, task, Reason.CANCELLED)


def test_the_same_request_in_two_studies_is_the_same_run(engine, listener, files, tmp_path):
    losses, fingerprints = [], []
    for order in (1, -1):
        engine.new_study(tmp_path / f"study{order}")
        for path in sorted(files.glob("image_*"))[::order]:
            done(listener, engine.start_import([path]))
        run = train(engine, listener)
        record = engine.run(run)
        losses.append(record.metrics["main_loss"])
        fingerprints.append(record.facts.data_fingerprint)
    assert losses[0] == losses[1] and fingerprints[0] == fingerprints[1]


def test_the_python_words(files, tmp_path, registry, monkeypatch):
    import sagittal_engine
    from sagittal_engine.service import base

    monkeypatch.setattr(base, "Registry", lambda: registry)
    with sagittal_engine.Study.create(tmp_path / "study") as study:
        study.import_paths([files])
        record = sagittal_engine.train(study, "marker", steps=1, seed=2, device="cpu", checkpoint_steps=1)
        assert record.state.step == 1 and record.facts.parameters["checkpoint_steps"] == 1
        record = sagittal_engine.train(study, resume=record.facts.run, steps=3)
        assert record.state.step == 3
        run, scan = record.facts.run, study.facts().scans[0].scan
        found = sagittal_engine.segment(study, run=run, label="1", support=scan)
        assert len(found["cases"]) == 2
        assert study.facts().scans, "a study given open stays open"
    document = sagittal_engine.evaluate(tmp_path / "study", run=run, support=scan, protocol="published", resamples=100)
    assert document["protocol"] == "published"
    with pytest.raises(SagittalError, match="no method"):
        sagittal_engine.train(tmp_path / "study", "nothing")
    with pytest.raises(AttributeError):
        sagittal_engine.nonsense
