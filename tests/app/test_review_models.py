"""What the review shows, without widgets: the queue, the clock, titles of label sets."""

from __future__ import annotations

import pytest

from sagittal.facts import Label, LabelFigures, LabelSetFacts, ScanFacts
from sagittal.review import Doubt
from sagittal_app import review_words
from sagittal_app.models.case_clock import CaseClock
from sagittal_app.models.case_queue import CaseQueue, say, sources_of
from sagittal_app.models.label_sets import set_titles

TABLE = (Label(1, "liver", "#E69F00"),)


def case(name: str, review: str = "unreviewed", origin: dict | None = None, **figures: float):
    scan = ScanFacts(
        scan=name, name=f"scan {name}", subject="", path="", kind="nifti", shape=(9, 9, 9), spacing=(1.0, 1.0, 1.0),
        orientation="RAS",
    )  # fmt: skip
    facts = LabelFigures(**{"voxels": 1000, **figures})
    return scan, LabelSetFacts("found", TABLE, origin or {"kind": "predicted"}, {}, review, {"liver": facts})


def test_the_queue_goes_from_the_neediest_to_the_next_unreviewed() -> None:
    queue = CaseQueue(
        [case("a", disagreement=0.1), case("b", "accepted", disagreement=0.9), case("c", disagreement=0.7)]
    )
    assert queue.scans == ["c", "a", "b"] and queue.tally() == "1 of 3 reviewed"
    assert queue.next_to_review("c") == "a" and CaseQueue([case("b", "accepted")]).next_to_review("b") is None
    assert queue.neighbour("c", 1) == "a" and queue.neighbour("c", -1) is None and queue.neighbour("b", 1) is None
    assert queue.sentences("c") == ["Supports disagree: liver 0.70"] and queue.sentences("a") == []
    assert queue.need("c") == pytest.approx(0.7)
    assert CaseQueue([case("a", entropy=0.1, disagreement=0.9), case("c", entropy=0.9)], "entropy").scans[0] == "c"
    assert CaseQueue().tally() == ""


def test_doubts_are_said_with_their_unit() -> None:
    one = case("a")
    assert say(one, Doubt("entropy", "liver", 0.71, 4.0)) == "Unsure: liver 0.71 bits"
    assert say(one, Doubt("volume", "liver", -5.0, 5.0)) == "Odd volume: liver 1.0 ml"
    assert say(one, Doubt("nothing", "liver", 1.0, 1.0)) == "Not found here: liver"
    assert review_words.millilitres(1432.4) == "1\u202f432 ml" and review_words.millilitres(0.314) == "0.31 ml"


def test_a_prediction_says_which_supports_it_comes_from() -> None:
    origin = {
        "kind": "predicted",
        "examples": [{"support": "s1", "label": "liver", "set": "painted", "slices": [3, 5]}],
    }
    _, one = case("a", origin=origin, agreement={"s1": 0.91})
    (source,) = sources_of(one, "liver")
    assert (source.support, source.label_set, source.slices, source.agreement) == ("s1", "painted", (3, 5), 0.91)
    assert sources_of(one, "spleen") == []


def test_sets_of_several_supports_come_first_and_are_titled_by_them() -> None:
    def predicted(name: str, *supports: str, **more: object) -> LabelSetFacts:
        examples = [{"support": support, "label": "liver", "slices": [1]} for support in supports]
        return LabelSetFacts(name, TABLE, {"kind": "predicted", "run": "r1", "examples": examples, **more})

    scan = case("q")[0]
    sets = (
        predicted("cowpro-r1-a", "a"), predicted("mine", "a"), predicted("cowpro-r1-a+b", "a", "b"),
        predicted("cowpro-r1-a-2", "a", again=2), LabelSetFacts("truth", TABLE, {"kind": "imported"}),
    )  # fmt: skip
    import dataclasses

    scans = [dataclasses.replace(scan, label_sets=sets), case("a")[0], case("b")[0]]
    assert list(set_titles(scans).items()) == [
        ("cowpro-r1-a+b", "Run r1, 2 supports: scan a, scan b"),
        ("cowpro-r1-a", "Run r1, support scan a"),
        ("mine", "mine"),
        ("cowpro-r1-a-2", "Run r1, support scan a (2)"),
    ]


def test_time_counts_while_the_reader_acts_and_a_minute_after() -> None:
    now = [0.0]
    clock = CaseClock(lambda: now[0], idle=60)
    assert clock.open(("a", "found")) is None
    now[0] = 30
    clock.touch()
    now[0] = 500
    clock.touch()
    now[0] = 510
    assert clock.open(("b", "found")) == (("a", "found"), 100.0), "30 s, a pause that counts 60 s, and 10 s"
    assert clock.open(("b", "found")) is None, "the same case goes on"
    now[0] = 515
    assert clock.take() == (("b", "found"), 5.0) and clock.take() == (("b", "found"), 0.0)
    assert clock.open(None) == (("b", "found"), 0.0) and clock.take() is None
