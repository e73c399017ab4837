"""How much a case needs a look, from known figures."""

from __future__ import annotations

import pytest

from sagittal.facts import Label, LabelFigures, LabelSetFacts, ScanFacts
from sagittal.review import ABOUT, HALVES, Doubt, doubts, need, queue, standing_out, volume_ml

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
        assert Doubt(kind, "liver", 1.0, half).notable and not Doubt(kind, "liver", 1.0, 0.99 * half).notable
        assert ABOUT[kind].endswith(".")


def test_what_stands_out_is_a_modified_z_score() -> None:
    values = [0.8, 1.0, 1.0, 1.2, 10.0]
    distances = sorted(abs(x - 1.0) for x in values)
    assert standing_out(values, 0.01) == pytest.approx([0.6745 * (x - 1.0) / distances[2] for x in values])
    assert standing_out(values[:4], 0.01) == [0.0] * 4, "four are too few to call one odd"
    assert max(standing_out([1, 1, 1, 1, 1.03], 0.05)) < 1, "nearly equal values make no outlier"


def test_the_queue_puts_the_neediest_first_and_what_was_reviewed_last() -> None:
    calm = LabelFigures(voxels=100, entropy=0.1, disagreement=0.05)
    cases = [
        case("calm", liver=calm),
        case("done", "accepted", liver=LabelFigures(voxels=100, entropy=0.9)),
        case("unsure", liver=LabelFigures(voxels=100, entropy=0.4)),
        case("apart", liver=LabelFigures(voxels=100, entropy=0.1, disagreement=0.9)),
        case("large", liver=LabelFigures(voxels=900, entropy=0.1)),
        case("none", liver=LabelFigures(voxels=0, entropy=0.0)),
        case("again", liver=calm),
    ]
    found = doubts(cases)
    assert {row.kind for row in found["large"] if row.notable} == {"volume"}
    assert {row.kind for row in found["unsure"] if row.notable} == {"entropy"}
    assert found["none"][0].kind == "nothing" and found["none"][0].value == 1.0
    names = [scan.name for scan, _ in queue(cases)]
    assert names[:2] == ["large", "apart"] and names[-1] == "done" and set(names[-3:-1]) == {"calm", "again"}
    for by, first in (("entropy", "unsure"), ("volume", "large"), ("disagreement", "apart")):
        assert queue(cases, by)[0][0].name == first


def test_entropies_are_compared_with_the_set_for_their_level_is_the_method_s() -> None:
    level = [case(str(n), liver=LabelFigures(entropy=0.6 + 0.01 * n)) for n in range(6)]
    assert not any(row.notable for rows in doubts(level).values() for row in rows)
    few = [case("sure", liver=LabelFigures(entropy=0.2)), case("unsure", liver=LabelFigures(entropy=0.9))]
    assert not any(row.notable for rows in doubts(few).values() for row in rows)
    assert queue(few)[0][0].name == "unsure", "too few to call one out, but the order is by entropy"


def test_volumes_are_compared_in_millilitres_and_without_the_rejected() -> None:
    same = [case(str(n), spacing=(1.0, 1.0, float(n)), liver=LabelFigures(voxels=600 // n)) for n in range(1, 6)]
    assert all(row.strength < 0.1 for rows in doubts(same).values() for row in rows)
    rejected = [case(f"r{n}", "rejected", liver=LabelFigures(voxels=10**6)) for n in range(5)]
    assert all(row.strength < 0.1 for scan, _ in same for row in doubts([*same, *rejected])[scan.scan])


def test_a_set_without_figures_stays_in_its_order() -> None:
    cases = [case("b"), case("a")]
    assert queue(cases) == cases and need(doubts(cases)["a"]) == 0.0
