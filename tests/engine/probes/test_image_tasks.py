"""k-NN, linear and classification tasks on a run: who labels, who is tested, what is refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from sagittal.engine_port import SagittalError
from sagittal.events import Reason
from sagittal.facts import EvaluateRequest
from sagittal_engine.evaluate import image_tasks, readers

HELD_OUT = {"s1", "s2"}
"""What the method keeps from training; subject s9 has no labels."""
QUICK = {"resamples": 100, "epochs": 2, "batch_size": 8}


@pytest.fixture
def run(workshop):
    return workshop.train(steps=2).facts.run


def evaluate(workshop, run, task, scans=(), label_set="truth", **parameters):
    request = EvaluateRequest(run, task, scans, label_set=label_set, parameters={**QUICK, **parameters})
    return workshop.result(workshop.engine.start_evaluation(request))


def refused(workshop, run, task, scans=(), **parameters):
    request = EvaluateRequest(run, task, scans, parameters={**QUICK, **parameters})
    end = workshop.wait(workshop.engine.start_evaluation(request))
    assert end.reason is Reason.FAILED and not end.detail, end
    return end.error


def test_nearest_neighbours_of_unseen_subjects_at_two_budgets(workshop, run):
    document = evaluate(workshop, run, "knn", budget="2,4", repeats=3)
    assert document["protocol"] == "deployed" and document["tested"] == {"subjects": 2, "images": 12}
    assert [(d["budget"], d["repeat"]) for d in document["draws"]] == [(b, r) for b in (2, 4) for r in range(3)]
    for draw in document["draws"]:
        assert len(draw["subjects"]) == draw["budget"] and not set(draw["subjects"]) & (HELD_OUT | {"s9"})
    assert len(document["cases"]) == 6 * 2 and {case["subject"] for case in document["cases"]} == HELD_OUT
    names = {"accuracy", "accuracy_1", "accuracy_10", "balanced_accuracy"}
    assert set(document["summary"]) == {f"{name}_at_{budget}" for name in names for budget in (2, 4)}
    for budget in (2, 4):
        row = document["summary"][f"accuracy_at_{budget}"]
        values = [case["accuracy"] for case in document["cases"] if case["budget"] == budget]
        assert row["mean"] == pytest.approx(np.mean(values)) and row["n"] == 2
        assert row["low"] <= row["mean"] <= row["high"]
    assert document["chance"] == pytest.approx(1 / 3) and document["classes"] == ["back", "back+front", "front", "none"]
    kept = workshop.engine.run(run).evaluations[-1]
    assert kept["task"] == "knn" and kept["summary"] == document["summary"] and kept["step"] == 2


def test_no_subject_that_is_tested_was_trained_on_or_labels(workshop, run, monkeypatch):
    """What the reader is really given, image by image."""
    seen = []

    def spy(reading, bank, queries, rows, params, boundary):
        seen.append((reading, bank, queries, rows))
        return readers.linear(reading, bank, queries, rows, params, boundary)

    monkeypatch.setattr(image_tasks.readers, "neighbours", spy)
    document = evaluate(workshop, run, "knn", budget="3", repeats=2)
    assert len(seen) == 2
    for (reading, bank, queries, rows), draw in zip(seen, document["draws"], strict=True):
        assert {reading.pool.subjects[row] for row in rows} == set(draw["subjects"])
        assert set(reading.test.subjects) == HELD_OUT and not HELD_OUT & set(reading.pool.subjects)
        assert len(bank) == len(rows) == 18 and len(queries) == 12
        flat = reading.pool.images.flatten(1)
        assert all((flat != image.flatten()).any(1).all() for image in reading.test.images)


def test_scans_that_no_run_used_are_tested_and_trained_ones_refused(workshop):
    ids = [scan.scan for scan in workshop.study.facts().scans]
    run = workshop.train(steps=1, held_out=0, scans=tuple(ids[:5])).facts.run
    document = evaluate(workshop, run, "linear")
    assert {case["subject"] for case in document["cases"]} == {"s6", "s7", "s8"}
    assert document["draws"] == [{"budget": 0, "repeat": 0, "subjects": [f"s{n}" for n in range(1, 6)], "images": 30}]
    assert {c["subject"] for c in evaluate(workshop, run, "linear", scans=(ids[6],))["cases"]} == {"s7"}
    assert "scan 2 is of subjects that the run was trained on" in refused(workshop, run, "knn", scans=(ids[1],))
    whole = workshop.train(steps=1, held_out=0).facts.run
    assert "nobody to test: every subject with the labels 'truth' was trained on" in refused(workshop, whole, "knn")


@pytest.mark.parametrize(
    ("target", "figures"),
    [
        ("quartile", {"accuracy", "balanced_accuracy"}),
        ("site", {"accuracy", "balanced_accuracy"}),
        ("position", {"position_error"}),
        ("pixels", {"dice_back", "dice_front", "dice_mean"}),
    ],
)
@pytest.mark.parametrize("encoder", ["trained", "untrained", "supervised"])
def test_linear_readers_of_every_target(workshop, run, target, figures, encoder):
    document = evaluate(workshop, run, "linear", target=target, encoder=encoder, budget="3", repeats=2)
    assert set(document["summary"]) == figures and document["encoder"] == encoder
    assert all(0 <= row["low"] <= row["mean"] <= row["high"] <= 1 for row in document["summary"].values())
    if target == "pixels":
        # Two bright blocks on a dark ground: even a tiny network finds most of them.
        assert document["chance"] is None and document["summary"]["dice_mean"]["mean"] > 0.4


@pytest.mark.parametrize("encoder", ["trained", "untrained"])
def test_a_classifier_is_trained_from_either_start_and_repeats(workshop, run, encoder):
    options = {"budget": "3", "repeats": 2, "encoder": encoder, "class_weights": "balanced"}
    one, two = (evaluate(workshop, run, "classify", **options) for _ in range(2))
    assert one == two and set(one["summary"]) == {"accuracy", "balanced_accuracy"}


def test_untrained_features_are_those_the_run_began_with(workshop, run):
    begun = workshop.train(steps=0).facts.run
    assert (
        evaluate(workshop, run, "linear", encoder="untrained")["cases"] == evaluate(workshop, begun, "linear")["cases"]
    )


def test_fine_tuning_leaves_the_trained_module_as_it_was(workshop, run, monkeypatch):
    modules = []
    kept = image_tasks.evaluate_images

    def spy(subject, *args, **kwargs):
        before = copy.deepcopy(subject.trained.state_dict())
        document = kept(subject, *args, **kwargs)
        after = subject.trained.state_dict()
        modules.append(all(torch.equal(before[name], after[name]) for name in before))
        return document

    monkeypatch.setattr(image_tasks, "evaluate_images", spy)
    evaluate(workshop, run, "classify", budget="2")
    assert modules == [True]


def test_what_cannot_be_evaluated_is_said_in_a_sentence(workshop, run):
    for task, parameters, words in (
        ("knn", {"target": "one"}, "'one' is 'same' in every image that may be labelled"),
        ("knn", {"target": "scanner"}, "no target 'scanner'; there are labels, one, quartile, site"),
        ("knn", {"target": "position"}, "'position' is no class: it is for the task linear; got 'knn'"),
        ("knn", {"budget": "50"}, "A budget of 50 labelled subjects needs as many that are not tested; there are 6"),
        ("classify", {"encoder": "supervised"}, "trains with labels itself"),
        ("classify", {"positive_weight": 2}, "'positive_weight' is for two classes; the target has 4"),
        ("knn", {"temperature": 0}, "'temperature' is out of its rule"),
        ("knn", {"neighbours": 5}, "no parameter 'neighbours'"),
        ("linear", {"checkpoint": "30"}, "no checkpoint 'step-00000030.pt'"),
    ):
        assert words in refused(workshop, run, task, **parameters), words


def test_labels_missing_everywhere_are_said(workshop, run):
    request = EvaluateRequest(run, "knn", label_set="painted", parameters=QUICK)
    end = workshop.wait(workshop.engine.start_evaluation(request))
    assert "with the labels 'painted'" in end.error and not end.detail


def test_one_shot_words_do_not_fit_and_unknown_tasks_are_named(workshop, run):
    request = EvaluateRequest(run, "knn", protocol="published")
    assert "takes neither a support scan nor" in workshop.wait(workshop.engine.start_evaluation(request)).error
    with pytest.raises(SagittalError, match=r"'guessing'. There are one-shot, knn, linear, classify"):
        workshop.engine.start_evaluation(EvaluateRequest(run, "guessing"))


def test_a_cancel_ends_an_evaluation(workshop, run):
    request = EvaluateRequest(run, "classify", parameters={"epochs": 10_000, "budget": "3", "batch_size": 8})
    task = workshop.engine.start_evaluation(request)
    workshop.engine.request_cancel(task)
    assert workshop.wait(task).reason is Reason.CANCELLED
    assert workshop.engine.run(run).evaluations == []
