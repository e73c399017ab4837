"""Diagnoses of small exams of two planes: from the command line and through the engine, kept, compared, refused."""

from __future__ import annotations

import csv
import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from sagittal.diagnosis import DiagnosisRequest, ExamFacts, Opinion, Weights
from sagittal.engine_port import SagittalError
from sagittal.events import Reason, RunFinished, TaskFinished
from sagittal.run_request import RunRequest
from sagittal_engine.cli import main
from sagittal_engine.evaluate.diagnosis import Ensemble, Panel, Reading, read_scan
from sagittal_engine.kit.exam_votes import vote_weights
from sagittal_engine.service import Engine

EXAMS = 12
TINY = {
    "encoder": "unet_8", "image_size": 24, "slices": 3, "steps": 30, "batch_size": 4, "labels": "acl, meniscus",
    "preview_steps": 0, "check_steps": 0, "learning_rate": 0.003, "held_out": 0.34, "rotation": 0.0, "crop_low": 1.0,
}  # fmt: skip


def volume(number, label):
    rng = np.random.default_rng(number)
    slices = rng.integers(0, 40, (6, 24, 24)).astype(np.uint8)
    if label:
        slices[1:5, 6:14, 6:14] += 180
    return slices


def write(folder):
    """Twelve exams of two planes; E01 lacks one, and of E11 nothing is known."""
    rows = []
    for number in range(EXAMS):
        acl, meniscus = number % 2, int(number % 3 == 0)
        for plane, shown in (("sagittal", acl), ("coronal", meniscus)):
            if (number, plane) == (1, "coronal"):
                continue
            name = f"E{number:02d}_{plane}.npy"
            np.save(folder / name, volume(number + 100 * (plane == "coronal"), shown))
            labels = ("", "") if number == 11 else (acl, meniscus)
            rows.append((f"E{number:02d}", plane, name, *labels))
    with (folder / "exams.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("exam", "plane", "path", "acl", "meniscus"), *rows])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A study, and a classifier of each plane that learned from the first eight exams."""
    root = tmp_path_factory.mktemp("exams")
    (root / "files").mkdir()
    runs = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGITTAL_THREADS", "1")
        torch.set_num_threads(1)
        write(root / "files")
        assert main(["new", str(root / "study")]) == 0
        assert main(["import", str(root / "study"), str(root / "files")]) == 0
        with opened(root / "study") as engine:
            known = {exam.exam: exam for exam in engine.exams()}
            for plane in ("sagittal", "coronal"):
                scans = tuple(known[f"E{n:02d}"].planes[plane] for n in range(8) if plane in known[f"E{n:02d}"].planes)
                request = RunRequest(
                    method="exam_classifier", parameters={**TINY, "plane": plane}, scans=scans, device="cpu"
                )
                runs[plane] = engine.start(request)
                done = ended(engine, runs[plane], RunFinished)
                assert done.reason is Reason.COMPLETED, done.error + done.detail
    return root / "study", runs


class opened:
    def __init__(self, path):
        self.engine = Engine()
        self.engine.open_study(path)

    def __enter__(self):
        return self.engine

    def __exit__(self, *_):
        self.engine.shut_down()


def ended(engine, source, kind=TaskFinished):
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        for event in engine.events():
            if isinstance(event, kind) and event.source == source:
                return event
        time.sleep(0.01)
    raise AssertionError(f"{source} did not end")


def diagnosed(engine, *runs, **values):
    done = ended(engine, engine.start_diagnosis(DiagnosisRequest(runs, **{"draws": 3, **values})))
    assert done.reason is Reason.COMPLETED, done.error + done.detail
    return done.result


def test_exams_are_judged_by_both_planes_and_what_is_said_is_kept(made):
    study, runs = made
    with opened(study) as engine:
        result = diagnosed(engine, runs["sagittal"], runs["coronal"])
        facts = engine.diagnoses()[0]
        assert facts.id == result["diagnosis"] and facts.request.weights is Weights.LEARNT
        assert facts.labels == ("acl", "meniscus") and "E11" in facts.exams
        # Whoever a run was trained on is not judged; those kept from training are.
        assert 4 <= len(facts.exams) < EXAMS
        for label in facts.labels:
            assert sum(facts.weights[label].values()) == pytest.approx(1)
            assert set(facts.weights[label]) == {"sagittal", "coronal"}
        exam = engine.diagnosis(facts.id, "E11")
        assert [opinion.truth for opinion in exam.opinions] == [None, None]
        for opinion in exam.opinions:
            assert len(opinion.draws) == 3 and 0 <= opinion.low <= opinion.probability <= opinion.high <= 1
            assert sum(opinion.weights.values()) == pytest.approx(1)
        shares = [s for s in exam.slices if (s.plane, s.label) == ("sagittal", "acl")]
        assert sorted(share.index for share in shares) == list(range(6))
        assert [s.contribution for s in shares] == sorted((s.contribution for s in shares), reverse=True)
        near = exam.neighbours
        assert near and "E11" not in {n.exam for n in near} and -1 <= near[-1].similarity <= near[0].similarity <= 1.001
        assert near[0].labels["exam"] == near[0].exam
        with Path(facts.files["csv"]).open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert {row["exam"] for row in rows} == set(facts.exams) and "sagittal weight" in rows[0]
        with pytest.raises(SagittalError, match="does not have the exam 'E99'"):
            engine.diagnosis(facts.id, "E99")


def test_a_sagittal_label_is_told_by_its_plane(made):
    study, runs = made
    with opened(study) as engine:
        result = diagnosed(engine, runs["sagittal"], exams=("E08", "E09", "E10"))
        told = {case["exam"]: case["probability"] for case in result["cases"] if case["label"] == "acl"}
    assert told["E09"] > max(told["E08"], told["E10"])


def test_an_exam_that_lacks_a_plane_is_judged_by_the_other_and_that_is_said(made):
    study, runs = made
    with opened(study) as engine:
        result = diagnosed(engine, *runs.values(), exams=("E01", "E08"), weights=Weights.PUBLISHED)
        lacking = engine.diagnosis(result["diagnosis"], "E01")
    assert lacking.missing == ("coronal",)
    assert all(dict(opinion.weights) == {"sagittal": 1.0} for opinion in lacking.opinions)
    notes = " ".join(result["notes"])
    assert "1 of 2 exams have no coronal scan" in notes
    assert "that is a leak" in result["notes"][0]


def test_the_command_line_judges_lists_shows_and_compares(made, capsys):
    study, runs = made

    def told(*words):
        capsys.readouterr()
        assert main([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    exams = told("exams", str(study))
    assert len(exams) == EXAMS and exams[1]["planes"] == {"sagittal": exams[1]["planes"]["sagittal"]}
    together = told("exams", str(study), "--labels")
    assert together["labels"] == ["acl", "meniscus"] and together["exams"] == EXAMS - 1
    assert together["counts"] == [[5, 2], [2, 4]]
    first = told("diagnose", str(study), "--run", runs["sagittal"], "--draws", "2", "--exams", "E08,E09,E10")
    second = told(
        "diagnose", str(study), "--run", runs["coronal"], "--draws", "2", "--exams", "E08,E09,E10",
        "--against", first["diagnosis"], "--weights", "equal",
    )  # fmt: skip
    assert second["against"]["labels"]["acl"]["bootstrap"]["accuracy"]["n"] == 3
    assert {one["id"] for one in told("diagnose", str(study))} >= {first["diagnosis"], second["diagnosis"]}
    assert told("diagnose", str(study), "--show", first["diagnosis"])["cases"] == first["cases"]
    assert main(["diagnose", str(study), "--show", "last"]) == 0
    assert "sensitivity" in capsys.readouterr().out
    assert main(["exams", str(study), "--labels"]) == 0 and "SCUMBLE" in capsys.readouterr().out
    assert main(["diagnose", str(study), "--run", runs["coronal"], "--exams", "E8"]) == 2
    assert "Did you mean 'E08'?" in capsys.readouterr().err.replace("\n", " ")


def test_what_cannot_be_judged_is_refused_in_words(made):
    study, runs = made
    with opened(study) as engine:
        with pytest.raises(SagittalError, match="no exam E77"):
            engine.start_diagnosis(DiagnosisRequest((runs["sagittal"],), ("E77",)))
        with pytest.raises(SagittalError, match="at least one run"):
            engine.start_diagnosis(DiagnosisRequest(()))
        with pytest.raises(SagittalError, match="There is no run 'nothing'"):
            engine.start_diagnosis(DiagnosisRequest(("nothing",)))
        done = ended(engine, engine.start_diagnosis(DiagnosisRequest((runs["coronal"],), ("E01",))))
        assert done.reason is Reason.FAILED and "No exam of the study has a scan of the plane coronal" in done.error
        with pytest.raises(SagittalError, match="There is no diagnosis 'x'"):
            engine.compare_diagnoses("x", "last")


# The ensemble, by hand -------------------------------------------------------------------------------------------


def exam(number, truth, *planes):
    return ExamFacts(f"e{number}", f"s{number}", {plane: f"{plane}{number}" for plane in planes}, {"acl": str(truth)})


def ensemble_of(weights, told, kept):
    """Two planes; `told`: plane → probability of each exam."""
    panels = []
    for plane, own in told.items():
        readings = {f"{plane}{n}": Reading(np.array([[p], [p]]), np.zeros((0, 0))) for n, p in enumerate(own)}
        panels.append(Panel(plane, plane, ("acl",), kept=frozenset(f"{plane}{n}" for n in kept), readings=readings))
    return Ensemble(panels, weights)


def test_weights_are_the_log_odds_on_exams_of_others():
    told = {"sagittal": [0.9, 0.9, 0.9, 0.9, 0.2], "coronal": [0.9, 0.1, 0.9, 0.9, 0.9]}
    ensemble = ensemble_of(Weights.LEARNT, told, kept=range(5))
    ensemble.learn(exam(n, 1, "sagittal", "coronal") for n in range(5))
    expected = vote_weights(torch.tensor([[0.8], [0.8]], dtype=torch.float64)).flatten().tolist()
    assert list(ensemble.weights_of("acl", ["sagittal", "coronal"]).values()) == pytest.approx(expected)
    # Without the fourth exam sagittal is never wrong: half an exam of four stands for that.
    literal = [math.log((1 - 1 / 8) / (1 / 8)), math.log(0.75 / 0.25)]
    own = ensemble.weights_of("acl", ["sagittal", "coronal"], without="s4")
    assert list(own.values()) == pytest.approx([x / sum(literal) for x in literal])
    (opinion,) = ensemble.opinions(exam(4, 1, "sagittal", "coronal"))
    assert isinstance(opinion, Opinion)
    assert opinion.probability == pytest.approx(0.2 * own["sagittal"] + 0.9 * own["coronal"])


def test_planes_count_alike_where_nothing_can_be_learnt():
    told = {"sagittal": [0.9, 0.2], "coronal": [0.2, 0.9]}
    even = {"sagittal": 0.5, "coronal": 0.5}
    unheld = ensemble_of(Weights.LEARNT, told, kept=())
    unheld.learn([exam(0, 1, "sagittal", "coronal")])
    assert unheld.weights_of("acl", ["sagittal", "coronal"]) == even and not unheld.votes("acl", "sagittal")
    wrong = ensemble_of(Weights.LEARNT, {"sagittal": [0.1, 0.1], "coronal": [0.1, 0.1]}, kept=range(2))
    wrong.learn(exam(n, 1, "sagittal", "coronal") for n in range(2))
    assert wrong.weights_of("acl", ["sagittal", "coronal"]) == even
    one = ensemble_of(Weights.LEARNT, {"sagittal": [0.9, 0.9, 0.1], "coronal": [0.1, 0.1, 0.9]}, kept=range(3))
    one.learn(exam(n, 1, "sagittal", "coronal") for n in range(3))
    assert one.weights_of("acl", ["sagittal", "coronal"]) == {"sagittal": 1.0, "coronal": 0.0}
    leaked = ensemble_of(Weights.PUBLISHED, told, kept=())
    leaked.learn([exam(0, 1, "sagittal", "coronal")])
    assert leaked.votes("acl", "sagittal") == 1


def test_a_slices_share_is_the_score_with_it_less_the_score_without(monkeypatch):
    """A classifier whose score is the sum of its slices' values: the share of a slice is its value."""
    values = torch.tensor([[1.0], [2.0], [-3.0], [4.0]])

    class Sum:
        def slices(self, scan):
            return values

        def read(self, module, slices):
            return slices

        def draw(self, count, generator):
            return torch.randperm(count, generator=generator)[:3].sort().values

        def judge(self, module, read):
            return read.sum(1)

        def features(self, read):
            return read

    class Scan:
        id = "scan"

    found, features = read_scan(Sum(), None, Scan(), draws=6, seed=1, contributions=True, boundary=lambda: None)
    again, _ = read_scan(Sum(), None, Scan(), draws=6, seed=1, contributions=False, boundary=lambda: None)
    assert found.contributions[:, 0].tolist() == pytest.approx([1, 2, -3, 4])
    np.testing.assert_array_equal(found.probabilities, again.probabilities)
    assert features.tolist() == [1.0]
