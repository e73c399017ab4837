"""How much a case needs a look, from known figures."""

from __future__ import annotations

import math

import pytest

from sagittal.facts import Label, LabelFigures, LabelSetFacts, ScanFacts
from sagittal.review import ABOUT, HALVES, Doubt, doubts, need, odd_volumes, queue, volume_ml

TABLE = (Label(1, "liver", "#E69F00"), Label(2, "spleen", "#56B4E9"))


def case(name: str, review: str = "unreviewed", spacing=(1.0, 2.0, 5.0), **figures: LabelFigures):
    scan = ScanFacts(
        scan=name, name=name, subject=name, path="", kind="nifti", shape=(4, 4, 4), spacing=spacing, orientation="RAS"
    )
    return scan, LabelSetFacts("found", TABLE, {"kind": "predicted"}, {}, review, figures)


def test_volumes_are_millilitres() -> None:
    assert volume_ml(case("a")[0], 300) == pytest.approx(300 * 10 / 1000)


def test_every_figure_is_called_out_from_its_half_on_and_says_how_it_is_computed() -> None:
    for kind, half in HALVES.items():
        assert Doubt(kind, "liver", half).notable and not Doubt(kind, "liver", 0.99 * half).notable
        assert ABOUT[kind].endswith(".")


def test_odd_volumes_are_modified_z_scores() -> None:
    sizes = [80.0, 100.0, 100.0, 120.0, 1000.0]
    logs = [math.log(size) for size in sizes]
    mad = sorted(abs(x - math.log(100)) for x in logs)[2]
    assert odd_volumes(sizes) == pytest.approx([0.6745 * abs(x - math.log(100)) / mad for x in logs])
    assert odd_volumes(sizes[:4]) == [], "four are too few to call one odd"
    assert max(odd_volumes([100, 100, 100, 100, 103])) < 1, "nearly equal volumes make no outlier"


def test_the_queue_puts_the_neediest_first_and_what_was_reviewed_last() -> None:
    calm = LabelFigures(voxels=100, entropy=0.1, disagreement=0.05)
    cases = [
        case("calm", liver=calm),
        case("done", "accepted", liver=LabelFigures(voxels=100, entropy=0.9)),
        case("unsure", liver=LabelFigures(voxels=100, entropy=0.8)),
        case("apart", liver=LabelFigures(voxels=100, entropy=0.1, disagreement=0.9)),
        case("large", liver=LabelFigures(voxels=900, entropy=0.1)),
        case("none", liver=LabelFigures(voxels=0, entropy=0.0)),
        case("again", liver=calm),
    ]
    found = doubts(cases)
    assert {row.kind for row in found["large"] if row.notable} == {"volume"}
    assert found["none"][0].kind == "nothing" and found["none"][0].value == 1.0
    names = [scan.name for scan, _ in queue(cases)]
    assert names[:2] == ["large", "apart"] and names[-1] == "done" and set(names[-3:-1]) == {"calm", "again"}
    assert next(scan.name for scan, _ in queue(cases, "entropy")) == "unsure"
    assert next(scan.name for scan, _ in queue(cases, "volume")) == "large"
    assert next(scan.name for scan, _ in queue(cases, "disagreement")) == "apart"


def test_volumes_are_compared_in_millilitres_and_without_the_rejected() -> None:
    same = [case(str(n), spacing=(1.0, 1.0, float(n)), liver=LabelFigures(voxels=600 // n)) for n in range(1, 6)]
    assert all(row.value < 0.1 for rows in doubts(same).values() for row in rows)
    rejected = [case(f"r{n}", "rejected", liver=LabelFigures(voxels=10**6)) for n in range(5)]
    assert all(row.value < 0.1 for scan, _ in same for row in doubts([*same, *rejected])[scan.scan])


def test_a_set_without_figures_stays_in_its_order() -> None:
    cases = [case("b"), case("a")]
    assert queue(cases) == cases and need(doubts(cases)["a"]) == 0.0
