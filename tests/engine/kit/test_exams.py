"""Exams: planes, sittings, labels, who is set aside, and which slices a look takes."""

from __future__ import annotations

import pytest
import torch

from sagittal.engine_port import SagittalError
from sagittal.facts import ScanFacts
from sagittal_engine.kit.exam_draws import draw_slices, filled_up
from sagittal_engine.kit.exams import (
    commonest_plane,
    exams_of,
    is_of,
    planes_of,
    settled_labels,
    spread_share,
    truth_of,
    truths_of,
    yes_no_labels,
)


def scan(name, subject="", *, spacing=(1.0, 1.0, 1.0), shape=(8, 8, 8), missing=False, **meta):
    return ScanFacts(
        scan=f"id {name}", name=name, subject=subject, path="", kind="nifti", shape=shape, spacing=spacing,
        orientation="RAS", meta=meta, missing=missing,
    )  # fmt: skip


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_plane_is_named_or_told_from_thick_slices_or_any():
    assert planes_of("coronal", (1, 1, 9)) == ("coronal",)
    assert planes_of("", (4, 1, 1)) == ("sagittal",)
    assert planes_of("", (1, 4, 1)) == ("coronal",)
    assert planes_of("oblique", (1, 1, 4)) == ("axial",)
    assert planes_of("", (1, 1, 1.2)) == ("axial", "coronal", "sagittal")
    assert planes_of("", (1, 1, 1), (9, 9, 1)) == ("axial",)
    assert is_of(scan("a", spacing=(4, 1, 1)), "sagittal") and not is_of(scan("a", spacing=(4, 1, 1)), "axial")
    several = [scan("a", plane="coronal"), scan("b", plane="coronal"), scan("c")]
    assert commonest_plane(several) == "coronal"


def test_scans_of_one_exam_are_brought_together_with_the_labels_that_they_share():
    scans = [
        scan("7 sag", "Ann", exam="7", plane="sagittal", acl="1", scanner="A"),
        scan("7 cor", "Ann", exam="7", plane="coronal", acl="1", scanner="B"),
        scan("8 sag", "Ann", exam="8", plane="sagittal", acl="0"),
        scan("gone", "Ann", exam="8", plane="axial", missing=True),
    ]
    seven, eight = exams_of(scans)
    assert (seven.exam, seven.subject) == ("7", "Ann")
    assert seven.planes == {"sagittal": "id 7 sag", "coronal": "id 7 cor"}
    assert seven.labels == {"exam": "7", "acl": "1"}
    assert eight.planes == {"sagittal": "id 8 sag"} and eight.labels["acl"] == "0"


def test_without_exams_the_subject_is_one_and_a_second_scan_of_a_plane_begins_another():
    thick = {"spacing": (1, 1, 6)}
    found = exams_of([scan("b", "Ann", **thick), scan("a", "Ann", **thick), scan("c", "Bob", **thick), scan("d")])
    assert [(exam.exam, dict(exam.planes)) for exam in found] == [
        ("Ann", {"axial": "id a"}),
        ("Ann (2)", {"axial": "id b"}),
        ("Bob", {"axial": "id c"}),
        ("d", {"sagittal": "id d", "coronal": "id d", "axial": "id d"}),
    ]


def test_exams_of_one_name_and_two_persons_are_told_apart():
    both = exams_of([scan("x", "Ann", exam="1", plane="axial"), scan("y", "Bob", exam="1", plane="axial")])
    assert [exam.exam for exam in both] == ["Ann 1", "Bob 1"]


def test_labels_are_yes_or_no_or_one_for_each_class():
    metas = [
        {"acl": "1", "grade": "healthy", "knee": "left", "same": "0", "subject": "a"},
        {"acl": "0", "grade": "torn", "knee": "right", "same": "0", "subject": "b"},
        {"acl": "", "grade": "", "knee": "left", "same": "0", "subject": "c"},
    ]
    assert yes_no_labels(metas) == ("acl",) == settled_labels((), metas)
    assert settled_labels(("acl", "grade"), metas) == ("acl", "grade: healthy", "grade: torn")
    assert settled_labels(("grade: torn",), metas) == ("grade: torn",)
    assert [truth_of(meta, "grade: torn") for meta in metas] == [False, True, None]
    assert truths_of(metas[0], ("acl", "grade: torn", "nothing")) == {"acl": True, "grade: torn": False}
    with pytest.raises(SagittalError, match="has the attribute 'acll'"):
        settled_labels(("acll",), metas)
    with pytest.raises(SagittalError, match="All 3 scans whose 'same' is known"):
        settled_labels(("same",), metas)
    with pytest.raises(SagittalError, match="says yes or no"):
        settled_labels((), [{"grade": "a"}, {"grade": "b"}])
    with pytest.raises(SagittalError, match="13 values"):
        settled_labels(("grade",), [{"grade": f"g{n}"} for n in range(13)])
    with pytest.raises(SagittalError, match="commas"):
        settled_labels(("grade",), [{"grade": "a, b"}, {"grade": "c"}])


def test_a_share_is_of_every_pattern_alike_and_a_smaller_one_is_part_of_it():
    units = {f"exam {n}": "1" if n % 5 == 0 else "0" for n in range(100)}
    half, tenth = spread_share(units, 0.5, 3), spread_share(units, 0.1, 3)
    assert tenth < half and len(half) == 50 and len(tenth) == 10
    assert sum(units[name] == "1" for name in half) == 10 and sum(units[name] == "1" for name in tenth) == 2
    assert half == spread_share(dict(reversed(units.items())), 0.5, 3) != spread_share(units, 0.5, 4)
    assert spread_share(units, 0, 0) == frozenset() and spread_share(units, 1, 0) == frozenset(units)
    assert len(spread_share({"a": "", "b": ""}, 0.01, 0)) == 1 == len(spread_share({"a": "", "b": ""}, 0.99, 0))


@pytest.mark.parametrize("rule", ["normal", "stratified", "uniform"])
def test_a_draw_is_of_different_slices_in_their_order(rule):
    for count, wanted in ((30, 16), (17, 16), (5, 3), (4, 9), (1, 1)):
        chosen = draw_slices(count, wanted, rule, generator(count))
        assert len(chosen) == min(count, wanted) and bool((chosen.diff() > 0).all())
        assert int(chosen.min()) >= 0 and int(chosen.max()) < count
        torch.testing.assert_close(chosen, draw_slices(count, wanted, rule, generator(count)))


def test_normal_draws_lie_around_the_middle_as_their_density_says():
    hits = torch.zeros(40)
    for seed in range(3000):
        hits[draw_slices(40, 1, "normal", generator(seed))] += 1
    place = (torch.arange(40) + 0.5 - 20) / 10
    density = torch.exp(-0.5 * place.square())
    torch.testing.assert_close(hits / 3000, density / density.sum(), atol=0.012, rtol=0)


def test_stratified_draws_take_three_ten_and_three():
    for seed in range(20):
        chosen = draw_slices(50, 16, "stratified", generator(seed))
        assert [int((chosen < 10).sum()), int(((chosen >= 10) & (chosen < 40)).sum()), int((chosen >= 40).sum())] == [
            3, 10, 3,
        ]  # fmt: skip


def test_wrong_draws_are_refused_and_few_slices_fill_a_batch():
    with pytest.raises(ValueError, match="one of normal, stratified, uniform; got 'every'"):
        draw_slices(5, 2, "every", generator())
    with pytest.raises(ValueError, match="got 0 of 5"):
        draw_slices(5, 0, "normal", generator())
    assert filled_up(torch.tensor([1, 4, 7]), 7).tolist() == [1, 1, 1, 4, 4, 7, 7]
    assert filled_up(torch.arange(4), 4).tolist() == [0, 1, 2, 3]
