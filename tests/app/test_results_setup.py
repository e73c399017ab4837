"""What the form of the Results page asks for: labels a support has, and no support where a network needs none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_world import make_scan

from sagittal.events import Reason, State, TaskProgress
from sagittal.facts import EvaluateRequest, Label, LabelSetFacts, SegmentRequest, StudyFacts
from sagittal.run_record import Adapted, RunFacts, RunRecord, RunState
from sagittal.run_request import RunRequest
from sagittal_app import review_words
from sagittal_app.canvas import words as canvas_words
from sagittal_app.models.label_sets import set_titles
from sagittal_app.pages.results_setup import ALL_OTHERS, ALL_SCANS, LABELS_SHOWN, SetupPanel

MANY = tuple(Label(number, f"structure {number}", "#000000") for number in range(1, 62))


def record(run: str, method: str, adapted: Adapted | None = None) -> RunRecord:
    facts = RunFacts(
        run=run, folder=run, request=RunRequest(method=method), parameters={}, scans=(), data_fingerprint="",
        created="", versions={}, device="cpu", adapted=adapted,
    )  # fmt: skip
    state = RunState(state=State.FINISHED, reason=Reason.COMPLETED, step=2, steps=2, stop_at=2)
    return RunRecord(facts=facts, state=state)


@pytest.fixture
def setup(qtbot) -> SetupPanel:
    """Two labelled scans, and a third of which 61 structures are labelled; a run that needs supports, and one not."""
    made = SetupPanel()
    qtbot.addWidget(made)
    made.resize(300, 900)
    large = replace(make_scan(3), label_sets=(LabelSetFacts("truth", MANY),))
    made.show_study(StudyFacts("/study", "study", (make_scan(1), make_scan(2), large)))
    adapted = Adapted(run="b1", method="grata", parameters={}, scans=())
    runs = [record("a1", "episodes"), record("b1", "network"), record("b2", "network", adapted)]
    made.show_runs(runs, {"episodes": "Episodes", "network": "Network"}, {"network"})
    made.show()
    return made


def test_only_labels_that_a_support_has_are_offered(setup: SetupPanel) -> None:
    assert setup.chosen_labels() == ("liver", "right kidney", "left kidney", "spleen")
    assert setup.lacking.text() == review_words.LACKING.format(labels="61 labels")
    setup.support.setCurrentIndex(2)
    assert set(setup.chosen_labels()) == {label.name for label in MANY}
    assert setup._ticked.height() < 24 * (LABELS_SHOWN + 1), "a long list scrolls"
    setup.findChild(object, "results_no_labels").click()
    assert setup.chosen_labels() == ()
    setup.support.setCurrentIndex(0)
    assert len(setup.chosen_labels()) == 4, "what was not in sight kept its ticks"


def test_a_network_of_its_own_is_asked_for_no_support(setup: SetupPanel) -> None:
    assert setup.example.isVisible() and setup.queries.itemText(0) == ALL_OTHERS
    setup.runs.setCurrentIndex(1)
    assert not setup.example.isVisible() and setup.alone.isVisible() and setup.queries.itemText(0) == ALL_SCANS
    assert setup.request() == SegmentRequest(run="b1")
    setup.queries.setCurrentIndex(2)
    assert setup.request() == SegmentRequest(run="b1", scans=(make_scan(2).scan,))
    asked: list[EvaluateRequest] = []
    setup.evaluate.connect(asked.append)
    setup.measure.click()
    assert asked == [EvaluateRequest(run="b1", task="segmentation")]
    setup.runs.setCurrentIndex(0)
    assert isinstance(setup.request(), SegmentRequest) and setup.request().support == make_scan(1).scan


def test_an_adapted_run_is_told_by_what_adapted_it(setup: SetupPanel) -> None:
    assert setup.runs.itemText(2) == "Network b2 · adapted by grata"


def test_a_set_that_no_support_made_is_named_after_its_run() -> None:
    origin = {"kind": "predicted", "run": "b1", "method": "network", "again": 1}
    scan = replace(make_scan(1), label_sets=(LabelSetFacts("network-b1", MANY[:1], origin),))
    assert set_titles([scan]) == {"network-b1": "Run b1, by itself"}


def test_what_has_no_progress_yet_says_what_it_waits_for(setup) -> None:
    setup.show_progress(None, going=True)
    assert setup.message.text() == canvas_words.PREPARING and not setup.message.isHidden()
    setup.show_progress(TaskProgress("t1", 2, 9, "Segmenting image_31", 12.0))
    assert setup.message.text().startswith("Segmenting image_31 · ")
    setup.show_progress(None)
    assert setup.message.isHidden() and setup.stop.isHidden()
