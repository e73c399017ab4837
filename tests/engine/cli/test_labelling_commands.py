"""labels, supports: names and colours, and plans of support slices."""

from __future__ import annotations

import pytest


def test_names_and_colours_are_shown_read_and_written(line, tmp_path):
    ran = line("labels", "s", "--labels", "truth", "--json")
    assert ran.document["labels"][0] == {"number": 1, "name": "liver", "colour": "#E69F00"}
    ran = line("labels", "s", "--labels", "truth", "--read", "a.label", "--write", tmp_path / "b.label")
    assert ran.status == 0 and "Milz" in ran.out and "read back" in ran.out
    assert (tmp_path / "b.label").read_text() == "liverMilz"
    assert line("labels", "s", "--labels", "mine").status == 2


def test_a_label_is_named_and_coloured(line):
    ran = line("labels", "s", "--labels", "painted", "--name", "4=left  kidney", "--colour", "4=#d55e00", "--json")
    assert ran.status == 0, ran.err
    assert ran.document["labels"][1] == {"number": 4, "name": "left kidney", "colour": "#D55E00"}
    line("labels", "s", "--labels", "new set", "--name", "7=aorta")
    assert line.engine.tables["new set"][-1].name == "aorta", "a set that no scan has yet gets its labels so"
    shown = line("labels", "s", "--labels", "new set", "--json")
    assert shown.document["labels"][-1]["name"] == "aorta"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--name", "liver"), "--name takes a label's number"),
        (("--name", "0=nothing"), "--name takes a label's number"),
        (("--colour", "1=red"), "#RRGGBB"),
        (("--colour", "9=#000000"), "has no label 9. Its labels: 1 liver, 4 spleen"),
    ],
)
def test_what_is_no_name_or_colour_is_refused(line, options, said):
    ran = line("labels", "s", "--labels", "truth", *options)
    assert ran.status == 2 and said in ran.err
    assert not line.engine.tables


def test_a_plan_is_made_marked_and_listed(line):
    asked = ("supports", "s", "--support", "image_2", "--label", "4")
    ran = line(*asked, "--range", "2-8", "--mark", "5=done", "--json")
    assert ran.status == 0, ran.err
    (plan,) = ran.document
    assert (plan["name"], plan["label"], plan["first"], plan["last"]) == ("image_2.nii.gz", "spleen", 2, 8)
    assert plan["slices"] == [
        {"slice": 2, "state": "not started"},
        {"slice": 5, "state": "done"},
        {"slice": 8, "state": "not started"},
    ]
    ran = line(*asked, "--range", "2-8", "--mark", "8=flagged", "--json")
    assert [one["state"] for one in ran.document[0]["slices"]] == ["not started", "done", "flagged"]
    ran = line("supports", "s")
    assert "2–8" in ran.out and "8 flagged" in ran.out
    assert line("supports", "s", "--support", "image_1", "--json").document == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--range", "2-8"), "name them with --support and --label"),
        (("--support", "image_1", "--label", "liver", "--range", "2-40"), "0 to 8"),
        (("--support", "image_1", "--label", "liver", "--range", "2-3"), "at least 3 slices"),
        (("--support", "image_1", "--label", "liver", "--mark", "2=done"), "Make one with --range"),
        (("--support", "image_1", "--label", "liver", "--range", "0-4", "--mark", "0=finished"), "one of not started"),
        (("--support", "image_1", "--label", "liver", "--range", "0-4", "--mark", "1=done"), "has the slices 0, 2, 4"),
        (("--support", "image_1", "--label", "pancreas", "--range", "0-4"), "pancreas"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_words(line, options, said):
    ran = line("supports", "s", *options)
    assert ran.status == 2 and said in ran.err
    assert not line.engine.plans
