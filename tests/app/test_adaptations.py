"""What is computed of adaptations without a window: verdicts, sentences, where masks are and what of them changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fake_world import make_scan

from sagittal.events import Reason, State
from sagittal.facts import ImageLoan, Label, LabelLoan, LabelSetFacts
from sagittal.run_record import Adapted, RunFacts, RunRecord, RunState
from sagittal.run_request import RunRequest
from sagittal_app import adapt_words as words
from sagittal_app.models import adaptations as model
from sagittal_app.models.run_table import METHOD, RECIPE, RunTable, run_title
from sagittal_app.widgets.facts_view import request_lines

LIVER, SPLEEN = Label(1, "liver", "#E69F00"), Label(2, "spleen", "#56B4E9")


def record(*cases, state=State.FINISHED, evaluations=()):
    adapted = Adapted(
        run="aa", method="grata", parameters={}, scans=("s1", "s2"), domain="B", label_set="g", before_set="g-before"
    )
    facts = RunFacts(
        run="bb", folder="f", request=RunRequest(method="unet"), parameters={}, scans=("s0",), data_fingerprint="",
        created="2026-01-02T03:04:05+00:00", versions={}, device="cpu", adapted=adapted,
    )  # fmt: skip
    ended = Reason.COMPLETED if state is State.FINISHED else None
    return RunRecord(
        facts=facts, state=RunState(state=state, reason=ended, step=len(cases)), cases=list(cases),
        evaluations=list(evaluations),
    )  # fmt: skip


def row(before=None, after=None, **more):
    return {"scan": "s1", "before": before, "after": after, "changed": 0.0, "notes": [], "warning": "", **more}


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (0.5, 0.6, "helps"),
        (0.5, 0.4, "harms"),
        (0.5, 0.504, "nothing"),
        (0.5, 0.496, "nothing"),
        (None, None, "unknown"),
    ],
)
def test_the_verdict_follows_from_dice(before, after, verdict):
    (case,) = model.cases_of(record(row(before, after)))
    assert case.verdict == verdict and model.sentences(case)[0].startswith(words.VERDICTS[verdict])


def test_places_count_only_scans_that_were_adapted_to():
    cases = model.cases_of(record({"scan": "x", "refused": "Why."}, row(0.1, 0.2), row(0.2, 0.1)))
    assert [case.place for case in cases] == [None, 1, 2] and cases[0].refused == "Why."
    assert model.tally(cases) == "1 helped, 0 unmoved, 1 harmed"
    assert model.tally(model.cases_of(record(row()))) == ""


def test_an_adapted_run_is_told_from_trained_ones_among_the_runs():
    table = RunTable()
    table.set_runs([record()], {"grata": "GraTa", "unet": "U-Net"})
    assert table.data(table.index(0, METHOD)) == "U-Net + GraTa  bb"
    assert table.data(table.index(0, RECIPE)) == "adapted by GraTa, B"
    lines = request_lines(record(row()))
    assert (lines["Adapted from"], lines["Adapted by"], lines["Adapted to"]) == ("aa", "grata", "1 of 2 scans")
    assert (lines["Masks after"], lines["Masks before"], lines["Method"]) == ("g", "g-before", "unet")
    assert run_title(record(), "U-Net") == "U-Net bb · adapted by grata, B"


def test_titles_and_progress_are_told_in_words():
    titles = {"grata": "GraTa", "unet": "U-Net"}
    assert model.title_of(record(), titles) == "GraTa on U-Net aa, B"
    assert model.progress(record(row(), state=State.RUNNING)) == "running · 1 of 2 scans"
    assert model.progress(record(row(), row())) == "completed · 2 of 2 scans"
    one = {"mean": -0.1, "low": -0.2, "high": 0.05, "n": 4}
    summary = {"dice_before": {**one, "mean": 0.7}, "dice_after": {**one, "mean": 0.6}, "dice_gain": one}
    said = model.mean_words(record(evaluations=({"task": "adaptation", "summary": summary},)))
    assert said == "Dice 0.700 → 0.600, mean of 4 · gain −0.100 (−0.200 to +0.050)"
    assert model.mean_words(record()) == ""


def test_what_became_of_a_scan_is_said_with_its_figures():
    more = {"entropy_before": 0.3, "entropy_after": 0.2, "cosine": -0.5, "empirical_cosine": 0.25, "step_size": 5e-5}
    (case,) = model.cases_of(record(row(0.5, 0.7, **{**more, "changed": 0.123})))
    assert model.sentences(case) == [
        "Adapting helps: Dice 0.500 → 0.700 (+0.200).",
        "12 % of the mask changed · 0.300 → 0.200 bits, surer · cosine \u22120.50 · "
        "cosine with the true gradient 0.25 · step 5.00e-05",
    ]
    (still,) = model.cases_of(record(row(entropy_before=0.3, entropy_after=0.301, step_size=0.0)))
    assert (
        model.sentences(still)[1] == "the mask is the same · 0.300 → 0.301 bits, as sure as before · no step was made"
    )
    labels = {"dice_before": {"liver": 0.5, "spleen": 0.4}, "dice_after": {"liver": 0.6, "spleen": None}}
    (one,) = model.cases_of(record(row(0.5, 0.6, **labels)))
    assert model.label_words(one) == "", "of one label the mean says as much"


def scan_with(*sets):
    return replace(make_scan(1), label_sets=sets)


def of(name, run="bb", **more):
    return LabelSetFacts(name, (LIVER,), {"kind": "predicted", "adaptation": run, **more})


def test_the_adapted_mask_is_where_it_was_put_aside():
    found = model.masks_of(record(), scan_with(of("g"), of("g-before")))
    assert (found.before, found.after, found.kept) == ("g-before", "g", "adapted")
    aside = model.masks_of(record(), scan_with(of("g", set_aside="g-aside"), of("g-before"), of("g-aside")))
    assert (aside.before, aside.after, aside.kept) == ("g-before", "g-aside", "before")
    assert model.masks_of(record(), scan_with(of("g"))).problem == words.NO_MASKS
    assert model.masks_of(record(), None).problem == words.NO_MASKS
    assert model.masks_of(record(), scan_with(of("g", run="cc"), of("g-before"))).problem == words.REPLACED


def loan(data, labels=(LIVER, SPLEEN)):
    return LabelLoan("s1", "x", np.array(data, np.uint16).reshape(-1, 1, 1), labels)


def test_changed_voxels_are_marked_on_the_side_where_they_are():
    masks = model.Masks(loan([0, 1, 1, 2, 0]), loan([0, 1, 2, 0, 1]))
    (before, first), (after, second) = model.painted(masks, model.CHANGES)
    assert before.ravel().tolist() == [0, 1, 3, 3, 0] and after.ravel().tolist() == [0, 1, 3, 0, 3]
    assert (first[-1].name, second[-1].name) == (words.GONE, words.CAME) and first[-1].number == 3
    assert masks.before.data.ravel().tolist() == [0, 1, 1, 2, 0], "what was lent stays as it was"
    (plain, _), _ = model.painted(masks, model.MASKS)
    assert plain is masks.before.data and masks.shows() == (model.CHANGES, model.MASKS)


def test_masks_are_judged_by_truth_whose_labels_have_other_numbers():
    truth = loan([0, 5, 5, 7, 0], (Label(5, "liver", ""), Label(7, "unknown", "")))
    masks = model.Masks(loan([0, 1, 0, 1, 1]), loan([0, 1, 1, 0, 2]), truth)
    (before, table), (after, _) = model.painted(masks, model.TRUTH)
    assert [label.name for label in table] == [words.RIGHT, words.MISSED, words.FALSE]
    assert before.ravel().tolist() == [0, 1, 2, 3, 3] and after.ravel().tolist() == [0, 1, 1, 0, 3]


def test_the_first_look_is_where_most_changed():
    before, after = np.zeros((2, 6, 5, 4), np.uint16)
    after[2:5, 1:4, 3] = 1
    assert model.fullest(model.Masks(LabelLoan("s", "x", before, ()), LabelLoan("s", "x", after, ()))) == (3, 2, 3)
    assert model.fullest(model.Masks(LabelLoan("s", "x", before, ()), LabelLoan("s", "x", before, ()))) == (3, 2, 2)


def test_the_first_look_is_not_at_a_slice_with_nothing_on_it():
    image = np.zeros((6, 6, 4), np.int16)
    image[:, :, 1:3] = np.arange(0, 720, 20).reshape(6, 6, 1)
    image[:, :, 3] = np.arange(36).reshape(6, 6) % 5
    loan = ImageLoan("s", image, np.eye(4), (1.0, 1.0, 1.0), (0.0, 700.0))
    bare = model.bare_slices(loan)
    assert bare.tolist() == [True, False, False, True], "noise is nothing to see either"
    before, after = np.zeros((2, 6, 6, 4), np.uint16)
    after[:, :, 0], after[1:3, 1:3, 2] = 1, 1
    masks = model.Masks(LabelLoan("s", "x", before, ()), LabelLoan("s", "x", after, ()))
    assert model.fullest(masks)[2] == 0 and model.fullest(masks, bare) == (2, 2, 2)
    after[:, :, 2] = 0
    assert model.fullest(masks, bare)[2] == 0, "there is nothing on the others"
    assert not model.bare_slices(replace(loan, arrival=object())).any()
