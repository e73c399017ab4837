"""`sagittal review`: the order in which to look at predictions, verdicts and the table; several `--support`."""

from __future__ import annotations

import dataclasses

import pytest

from sagittal.facts import LabelFigures, LabelSetFacts, SegmentRequest

A, B, C = (f"{letter}{'0' * 15}" for letter in "abc")
FIGURES = {
    A: LabelFigures(voxels=100, entropy=0.2),
    B: LabelFigures(voxels=100, entropy=0.8, disagreement=0.4, agreement={A: 0.9}),
    C: LabelFigures(voxels=120, entropy=0.4),
}


@pytest.fixture
def predicted(line, monkeypatch):
    """The fake study with a predicted set on every scan."""
    opened = line.engine.open_study

    def open_study(path):
        facts = opened(path)
        scans = tuple(
            dataclasses.replace(
                scan,
                label_sets=(
                    *scan.label_sets,
                    LabelSetFacts(
                        "found",
                        scan.label_sets[0].labels,
                        {"kind": "predicted"},
                        review="accepted" if scan.scan == C else "unreviewed",
                        figures={"liver": FIGURES[scan.scan]},
                        seconds=75.0 if scan.scan == C else 0.0,
                    ),
                ),
            )
            for scan in facts.scans
        )
        line.engine.facts = dataclasses.replace(facts, scans=scans)
        return line.engine.facts

    monkeypatch.setattr(line.engine, "open_study", open_study)
    return line


def test_cases_are_listed_by_need_and_say_how_the_figures_are_computed(predicted):
    document = predicted("review", "s", "--labels", "found", "--json").document
    assert [case["scan"] for case in document["cases"]] == [B, A, C], "what was reviewed comes last"
    first = document["cases"][0]
    assert first["doubts"][0]["kind"] == "disagreement" and first["doubts"][0]["notable"]
    assert first["labels"]["liver"]["volume_ml"] == pytest.approx(2.8)
    assert first["labels"]["liver"]["agreement"] == {A: 0.9} and first["labels"]["spleen"]["voxels"] is None
    assert "entropy" in document["about"]
    ran = predicted("review", "s", "--labels", "found", "--scans", "image_3")
    assert "1 min 15 s" in ran.out and "accepted" in ran.out and "image_1" not in ran.out
    assert "liver: disagreement 0.40" in predicted("review", "s", "--labels", "found").out


def test_cases_can_be_marked_and_the_table_written(predicted, tmp_path):
    assert predicted("review", "s", "--labels", "found", "--scans", "image_1", "--mark", "accepted").status == 0
    assert ("review", A, "found", "accepted") in predicted.engine.requests
    out = tmp_path / "t.csv"
    predicted.engine.results["table"] = {"file": str(out), "rows": 6, "refused": [], "verified": True}
    ran = predicted("review", "s", "--labels", "found", "--csv", out)
    assert "6 rows written" in ran.out and predicted.engine.requests[-1] == ("found", out, ())
    predicted.engine.results["table"] = {"file": str(out), "rows": 6, "refused": [], "verified": False}
    assert predicted("review", "s", "--labels", "found", "--csv", out).status == 1


def test_wrong_words_are_told(predicted):
    assert "Did you mean 'entropy'?" in predicted("review", "s", "--labels", "found", "--by", "entrop").err
    assert "--mark needs --scans" in predicted("review", "s", "--labels", "found", "--mark", "accepted").err
    assert "Label sets: found, truth" in predicted("review", "s", "--labels", "fond").err


def test_segment_takes_several_supports(line):
    line("train", "s", "plain")
    line.engine.results["segment"] = {"label_set": "found", "cases": [], "supports": {A: "own"}}
    words = ("segment", "s", "--run", "last", "--label", "liver", "--support", "image_1,image_2")
    ran = line(*words, "--support", "image_3")
    assert "label set 'own'" in ran.out
    assert line.engine.requests[-1] == SegmentRequest("0000-run", ("liver",), A, more_supports=(B, C))
    assert "None of image_1.nii.gz" in line(*words, "--label", "heart").err
