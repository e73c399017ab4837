"""`compare`: what it asks of the engine, and what it prints."""

from __future__ import annotations

import pytest

from sagittal.comparison import ComparisonFacts, ComparisonRequest, ComparisonState
from sagittal.measure import MeasureCard
from sagittal.method import Recipe
from sagittal.params import Params

DOCUMENT = {
    "comparison": "c0ffee00",
    "request": {"title": "Two starts"},
    "done": 3,
    "total": 4,
    "rows": [
        {
            "start": "scratch", "title": "from scratch", "budget": 1, "repeats": 2, "cases": 4,
            "metrics": {"dice_mean": {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 2}},
        }
    ],
    "notes": ["Published: it: Dice 0.7."],
    "files": {"table": "/somewhere/table.md"},
}  # fmt: skip


@pytest.fixture
def comparing(line, monkeypatch):
    """The engine of the tests, which can compare as well."""
    kind = type(line.engine)
    recipe = Recipe("published", "As published", {"budgets": "3, 5"})

    def start(self, request):
        return self._task("compare", request)

    card = MeasureCard("fine-tune", "Fine-tuning", "", Params, recipes=(recipe,))
    monkeypatch.setattr(kind, "start_comparison", start, raising=False)
    monkeypatch.setattr(kind, "resume_comparison", start, raising=False)
    monkeypatch.setattr(kind, "comparisons", lambda self: [], raising=False)
    monkeypatch.setattr(kind, "measures", lambda self: [card], raising=False)
    line.engine.results["compare"] = DOCUMENT
    return line


def test_starts_are_named_and_the_request_is_whole(comparing, tmp_path):
    comparing("train", "s", "plain")
    words = ("--start", "scratch", "--start", "last", "--start", tmp_path, "--budgets", "1,2", "--repeats", 3)
    ran = comparing(
        "compare", "s", *words, "--test", "image_3", "--set", "steps=9", "--seed", 4, "--title", "T", "--json"
    )
    assert ran.status == 0, ran.err
    assert ran.document == DOCUMENT
    assert comparing.engine.requests[-1] == ComparisonRequest(
        "T", ("scratch", "0000-run", str(tmp_path.resolve())), budgets=(1, 2), repeats=3, seed=4,
        test_scans=("c" + "0" * 15,), parameters={"steps": "9"},
    )  # fmt: skip


def test_the_table_is_printed_with_its_n_and_what_must_be_said(comparing):
    ran = comparing("compare", "s", "--start", "scratch")
    assert "3 of 4 fine-tunings" in ran.out and "0.500 (0.40–0.60, n = 2)" in ran.out
    assert "Published: it: Dice 0.7." in ran.out and "/somewhere/table.md" in ran.out
    assert comparing.engine.requests[-1].budgets == (1, 2, 8)


def test_a_recipe_brings_its_budgets(comparing):
    comparing("compare", "s", "--start", "scratch", "--recipe", "published")
    asked = comparing.engine.requests[-1]
    assert asked.budgets == (3, 5) and asked.recipe == "published"


def test_going_on_and_listing(comparing, monkeypatch):
    assert comparing("compare", "s", "--resume", "c0ff").status == 0
    assert comparing.engine.requests[-1] == "c0ff"
    assert "No comparison yet" in comparing("compare", "s").out
    one = ComparisonFacts("c0ffee00", ComparisonRequest("T", ("scratch",)), ComparisonState.STOPPED, 3, 4)
    monkeypatch.setattr(type(comparing.engine), "comparisons", lambda self: [one])
    assert "c0ffee00" in comparing("compare", "s").out and "3 of 4" in comparing("compare", "s").out
    assert comparing("compare", "s", "--json").document[0]["state"] == "stopped"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--start", "nothing"), "has no run yet"),
        (("--start", "scratch", "--budgets", "one"), "--budgets takes numbers of subjects as 1,2,8; got 'one'"),
        (("--start", "scratch", "--resume", "c0ff"), "keeps its starts"),
        (("--start", "scratch", "--test", "nobody"), "has no scan 'nobody'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(comparing, words, sentence):
    ran = comparing("compare", "s", *words)
    assert ran.status == 2 and sentence in ran.err
