"""What is done with a trained run: segmenting, and the refusals in words."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sagittal.engine_port import SagittalError
from sagittal.events import MessageRaised, Reason, RunFinished, TaskFinished
from sagittal.facts import EvaluateRequest, Label, LabelSetFacts, ScanFacts, SegmentRequest, SupportPlan
from sagittal.run_request import RunRequest
from sagittal_engine.service.supports import make_supports, read_examples

SUPPORT = f"{1:016x}"


def ended(listener, source, kind=TaskFinished):
    return listener.until(lambda e: isinstance(e, kind) and e.source == source)


@pytest.fixture
def run(engine, listener):
    run = engine.start(RunRequest(method="marker", parameters={"steps": 1}, device="cpu"))
    assert ended(listener, run, RunFinished).reason is Reason.COMPLETED
    return run


def test_segmentation_writes_each_query_and_returns_the_document(engine, listener, study, run):
    task = engine.start_segmentation(SegmentRequest(run, ("organ",), "scan 1"))
    end = ended(listener, task)
    assert end.reason is Reason.COMPLETED, end.error + end.detail
    assert end.result["label_set"] == f"marker-{run}-{SUPPORT[:6]}"
    assert [case["scan"] for case in end.result["cases"]] == [f"{n:016x}" for n in (3, 2)]
    assert end.result["cases"][0]["slices"] == [1, 3, 4], "the slices looked at: 1/6, 3/6, 5/6 of 1…4"
    assert end.result["cases"][0]["confidence"] == {"organ": [0.5, 0.5, 0.5]}
    scan, label_set, masks, origin, confidence = study.written[0]
    assert label_set == end.result["label_set"] and masks["organ"].dtype == bool and masks["organ"].any()
    assert origin["kind"] == "predicted" and origin["run"] == run and origin["support"] == SUPPORT
    assert origin["slices"] == {"organ": [1, 3, 4]} and scan == end.result["cases"][0]["scan"]
    assert confidence["organ"] == (None, 0.5, None, 0.5, 0.5, None)


def test_scans_whose_files_are_gone_are_left_out_unless_asked_for(engine, listener, study, run):
    gone = f"{2:016x}"
    study._scans[gone] = dataclasses.replace(study._scans[gone], missing=True)
    task = engine.start_segmentation(SegmentRequest(run, ("organ",), "scan 1"))
    assert [case["scan"] for case in ended(listener, task).result["cases"]] == [f"{3:016x}"]
    (told,) = listener.of(MessageRaised, task)
    assert told.level == "warning" and "scan 2" in told.text
    asked = ended(listener, engine.start_segmentation(SegmentRequest(run, ("organ",), "scan 1", ("scan 2",))))
    assert asked.reason is Reason.FAILED and asked.error.startswith("The files of scan 2") and not asked.detail


def test_parameters_can_be_changed_for_use_and_are_checked(engine, listener, study, run):
    request = SegmentRequest(
        run, ("1",), SUPPORT, scans=("scan 2",), slices=(2,), label_set="mine", parameters={"level": "0.25"}
    )
    end = ended(listener, engine.start_segmentation(request))
    assert end.result == {
        "label_set": "mine",
        "cases": [{"scan": f"{2:016x}", "slices": [2], "confidence": {"organ": [0.25]}}],
    }
    for parameters, words in (({"lvel": 1}, "Did you mean 'level'"), ({"width": 9}, "shapes the network")):
        end = ended(listener, engine.start_segmentation(dataclasses.replace(request, parameters=parameters)))
        assert end.reason is Reason.FAILED and words in end.error and not end.detail


def test_a_run_that_cannot_segment_says_so(engine, listener):
    other = engine.start(RunRequest(method="tiny", parameters={"steps": 1}, device="cpu"))
    ended(listener, other, RunFinished)
    end = ended(listener, engine.start_segmentation(SegmentRequest(other, ("organ",), SUPPORT)))
    assert "Tiny does not offer" in end.error
    with pytest.raises(SagittalError, match="no run 'nope'"):
        engine.start_segmentation(SegmentRequest("nope", ("organ",), SUPPORT))
    with pytest.raises(SagittalError, match="'dance'"):
        engine.start_evaluation(EvaluateRequest(other, task="dance"))


class Labelled:
    """Answers for the label sets of one scan."""

    def __init__(self, masks, plans=()):
        self._masks, self._plans = masks, plans
        self.facts = ScanFacts(
            scan=SUPPORT, name="scan 1", subject="", path="", kind="nifti", shape=(4, 4, 20), spacing=(1, 1, 1),
            orientation="RAS", label_sets=tuple(
                LabelSetFacts(name, tuple(Label(n, label, "#000000") for n, label in enumerate(found, start=1)))
                for name, found in masks.items()
            ),
        )  # fmt: skip

    def masks(self, scan, label_set):
        return self._masks[label_set]

    def support_plans(self, scan):
        return list(self._plans)


def mask(*slices):
    found = np.zeros((4, 4, 20), bool)
    found[1:3, 1:3, list(slices)] = True
    return found


def examples(study, *labels, **kwargs):
    return read_examples(study, study.facts, SegmentRequest("r", labels, SUPPORT, **kwargs))


def test_painted_slices_with_a_plan_are_the_support():
    plan = SupportPlan(SUPPORT, "liver", 2, 17, (4, 10, 15), ("done", "done", "not started"))
    study = Labelled({"truth": {"liver": mask(*range(20))}, "painted": {"liver": mask(4, 10)}}, [plan])
    (found,) = examples(study, "liver")
    assert (found.label_set, found.slices, found.first, found.last) == ("painted", (4, 10), 2, 17)


def test_painted_slices_without_a_plan_all_count():
    (found,) = examples(Labelled({"painted": {"liver": mask(4, 9, 16)}}), "liver")
    # The outer two lie half a chunk inside the organ's ends, a chunk being their mean distance.
    assert (found.slices, found.first, found.last) == ((4, 9, 16), 1, 19)
    (asked,) = examples(Labelled({"painted": {"liver": mask(4, 9, 16)}}), "liver", slices=(9,))
    assert (asked.slices, asked.first, asked.last) == ((9,), 1, 19)
    (at_the_end,) = examples(Labelled({"painted": {"liver": mask(1, 18)}}), "liver")
    assert (at_the_end.first, at_the_end.last) == (0, 19), "no scan reaches further than its slices"


def test_a_label_painted_without_a_gap_is_whole():
    (found,) = examples(Labelled({"painted": {"liver": mask(*range(2, 14))}}), "liver")
    assert (found.slices, found.first, found.last) == ((4, 8, 12), 2, 13)


def test_a_whole_truth_gives_the_three_slices():
    study = Labelled({"truth": {"liver": mask(*range(2, 14)), "spleen": mask(*range(2, 14)), "gap": mask(1, 19)}})
    liver, spleen, gap = examples(study, "liver", "2", "gap")
    assert liver.slices == (4, 8, 12) and (liver.first, liver.last) == (2, 13) and spleen.label == "spleen"
    supports = make_supports(object(), [liver, spleen, gap])
    assert [sorted(s.masks) for s in supports] == [["liver", "spleen"], ["gap"]], "shared slices share a support"
    assert supports[0].ranges == {"liver": (2, 13), "spleen": (2, 13)}


def test_wrong_supports_are_told_in_words():
    study = Labelled({"truth": {"liver": mask(5, 6)}, "painted": {"liver": np.zeros((4, 4, 20), bool)}})
    assert examples(study, "liver")[0].label_set == "truth", "an empty painted label is passed over"
    for labels, kwargs, words in (
        (("heart",), {}, "has no 'heart'.*It has: liver"),
        (("liver",), {"slices": (5, 9)}, "Slices 9 of scan 1 carry nothing of 'liver', which lies on slices 5 to 6"),
        (("liver",), {"support_set": "other"}, "label set 'other'"),
        ((), {}, "at least one label"),
    ):
        with pytest.raises(SagittalError, match=words):
            examples(study, *labels, **kwargs)
    plan = SupportPlan(SUPPORT, "liver", 2, 17, (4, 10, 15), ("not started",) * 3)
    with pytest.raises(SagittalError, match="None of the support slices"):
        examples(Labelled({"painted": {"liver": mask(7)}}, [plan]), "liver")
