"""Segmenting from several support scans, and never over what a reader has reviewed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sagittal.engine_port import SagittalError
from sagittal.events import Reason, RunFinished, TaskFinished
from sagittal.facts import Label, LabelSetFacts, SegmentRequest, SupportPlan
from sagittal.run_request import RunRequest
from sagittal_engine.service.supports import read_supports

ONE, TWO, QUERY = (f"{n:016x}" for n in (1, 2, 3))


@pytest.fixture
def run(engine, listener):
    run = engine.start(RunRequest(method="marker", parameters={"steps": 1}, device="cpu"))
    listener.until(lambda e: isinstance(e, RunFinished) and e.source == run)
    return run


def segmented(engine, listener, request):
    task = engine.start_segmentation(request)
    return listener.until(lambda e: isinstance(e, TaskFinished) and e.source == task)


def with_set(study, scan, one):
    facts = study._scans[scan]
    study._scans[scan] = dataclasses.replace(facts, label_sets=(*facts.label_sets, one))


def test_each_support_has_a_set_of_its_own_beside_the_one_they_agree_on(engine, listener, study, run):
    end = segmented(engine, listener, SegmentRequest(run, ("organ",), ONE, more_supports=(TWO, ONE)))
    assert end.reason is Reason.COMPLETED, end.error + end.detail
    agreed, own = end.result["label_set"], end.result["supports"]
    assert agreed == f"marker-{run}-{ONE[:6]}+{TWO[:6]}"
    assert own == {ONE: f"marker-{run}-{ONE[:6]}", TWO: f"marker-{run}-{TWO[:6]}"}
    assert [case["scan"] for case in end.result["cases"]] == [QUERY], "supports are no queries"
    assert [name for _, name, *_ in study.written] == [own[ONE], own[TWO], agreed]
    _, _, masks, origin, _ = study.written[-1]
    assert masks["organ"].any() and origin["support"] == ONE
    assert [row["support"] for row in origin["examples"]] == [ONE, TWO]
    assert origin["figures"]["organ"] == {"disagreement": 0.0, "agreement": {ONE: 1.0, TWO: 1.0}}
    assert [row["support"] for row in study.written[1][3]["examples"]] == [TWO]


def test_reviewed_predictions_are_never_replaced(engine, listener, study, run):
    table = (Label(1, "organ", "#E69F00"),)
    made = f"marker-{run}-{ONE[:6]}"
    with_set(study, QUERY, LabelSetFacts(made, table, {"kind": "predicted"}, review="accepted"))
    with_set(study, TWO, LabelSetFacts(made, table, {"kind": "predicted"}))
    end = segmented(engine, listener, SegmentRequest(run, ("organ",), ONE))
    assert end.result["label_set"] == f"{made}-2"
    end = segmented(engine, listener, SegmentRequest(run, ("organ",), ONE, (TWO,)))
    assert end.result["label_set"] == made, "what nobody looked at yet is made anew"
    end = segmented(engine, listener, SegmentRequest(run, ("organ",), ONE, label_set=made))
    assert end.reason is Reason.FAILED and not end.detail
    assert end.error.startswith(f"The label set '{made}' of scan 3 was reviewed or corrected")


class Labelled:
    """Masks and plans of support scans."""

    def __init__(self, labels, plans=()):
        self._labels, self._plans = labels, plans

    def masks(self, scan, label_set):
        mask = np.zeros((4, 4, 9), bool)
        mask[1:3, 1:3, 1:8] = True
        return dict.fromkeys(self._labels[scan], mask)

    def support_plans(self, scan):
        return [plan for plan in self._plans if plan.scan == scan]

    def facts(self, study, label_set="truth"):
        for scan, names in self._labels.items():
            table = tuple(Label(n, name, "#000000") for n, name in enumerate(names, start=1))
            yield dataclasses.replace(study._scans[scan], label_sets=(LabelSetFacts(label_set, table),))


def test_labels_come_from_the_supports_that_have_them(study):
    labelled = Labelled({ONE: ("liver", "spleen"), TWO: ("spleen",)})
    facts = list(labelled.facts(study))
    found = read_supports(labelled, facts, SegmentRequest("r", ("liver", "spleen"), ONE, more_supports=(TWO,)))
    assert {scan: [row.label for row in rows] for scan, rows in found.items()} == {
        ONE: ["liver", "spleen"],
        TWO: ["spleen"],
    }
    for labels, slices, words in (
        (("heart", "liver"), (), "scan 2 has none of the labels"),
        (("heart", "spleen"), (), "has no 'heart'"),
        (("spleen",), (4,), "one support scan only"),
    ):
        with pytest.raises(SagittalError, match=words):
            read_supports(labelled, facts, SegmentRequest("r", labels, ONE, slices=slices, more_supports=(TWO,)))


def test_flagged_slices_do_not_count(study):
    states = ("done", "flagged", "in progress")
    labelled = Labelled({ONE: ("liver",)}, [SupportPlan(ONE, "liver", 1, 7, (2, 4, 6), states)])
    facts = list(labelled.facts(study, "painted"))
    (example,) = read_supports(labelled, facts, SegmentRequest("r", ("liver",), ONE))[ONE]
    assert example.slices == (2, 6)
    labelled = Labelled({ONE: ("liver",)}, [SupportPlan(ONE, "liver", 1, 7, (2, 4, 6), ("flagged",) * 3)])
    with pytest.raises(SagittalError, match="are flagged"):
        read_supports(labelled, facts, SegmentRequest("r", ("liver",), ONE))
