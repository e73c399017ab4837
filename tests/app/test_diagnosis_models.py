"""What the Diagnosis page computes without a window: who needs a look, in which order, which labels stand together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fake_diagnosing import LABELS, KneeEngine

from sagittal.concurrence import concurrence, scumble, yes_or_no
from sagittal.diagnosis import DiagnosisFacts, DiagnosisRequest, ExamDiagnosis, ExamFacts, Opinion, SliceShare
from sagittal_app.models.diagnoses import (
    MISTAKES,
    NEED,
    PROBABILITY,
    classifiers_of,
    figure_words,
    lacking,
    margin,
    need,
    ordered,
    planes_of,
    proposed,
    ranked,
    reasons,
    shared_labels,
    signed,
    title_of,
    truths_of,
)


def opinion(
    probability: float, *, label: str = "acl", truth: bool | None = None, spread: float = 0.0, **more
) -> Opinion:
    draws = (probability - spread, probability + spread)
    planes = more.pop("planes", {"sagittal": draws})
    weights = dict.fromkeys(planes, 1 / len(planes))
    return Opinion(label, probability, min(draws), max(draws), draws, planes, weights, truth, **more)


def exam(name: str, *opinions: Opinion, missing: tuple[str, ...] = ()) -> ExamDiagnosis:
    return ExamDiagnosis(ExamFacts(name, name, {"sagittal": f"s{name}"}), opinions, missing=missing)


@pytest.mark.parametrize(
    ("probability", "threshold", "expected"),
    [(0.5, 0.5, 0.0), (1.0, 0.5, 1.0), (0.0, 0.5, 1.0), (0.25, 0.5, 0.5), (0.6, 0.2, 0.5), (0.1, 0.2, 0.5), (1, 1, 1)],
)
def test_the_margin_is_the_share_of_the_room_on_its_side(probability, threshold, expected):
    assert margin(opinion(probability, threshold=threshold)) == pytest.approx(expected)


def test_draws_or_planes_on_both_sides_of_the_threshold_lift_the_need():
    assert need(exam("a", opinion(0.9))) == pytest.approx(0.2)
    assert need(exam("a", opinion(0.8, spread=0.35))) == 0.75
    split = {"sagittal": (0.9, 0.9), "axial": (0.2, 0.2)}
    assert need(exam("a", opinion(0.9, planes=split))) == 0.75
    alone = opinion(0.9, planes=split)
    weighed = Opinion(**{**vars(alone), "weights": {"sagittal": 1.0, "axial": 0.0}})
    assert need(exam("a", weighed)) == pytest.approx(0.2)
    assert need(exam("a", opinion(0.95), opinion(0.5, label="meniscus"))) == 1.0
    assert need(exam("a")) == 0.0


def test_reasons_name_the_mistake_first_and_what_lacks_last():
    wrong = opinion(0.2, label="meniscus", truth=True)
    split = opinion(0.55, planes={"sagittal": (0.9,), "axial": (0.2,)})
    said = reasons(exam("a", split, wrong, missing=("coronal", "axial")))
    assert said == [
        "meniscus told wrong: 0.20, and the exam has it",
        "acl: planes disagree (sagittal 0.90, axial 0.20)",
        "no coronal or axial scan",
    ]
    assert reasons(exam("a", opinion(0.6, spread=0.2))) == [
        "acl: the draws lie on both sides of the threshold (0.40–0.80)"
    ]
    assert reasons(exam("a", opinion(0.95, truth=True))) == [] and lacking(("axial",)) == "no axial scan"


def test_exams_are_sorted_by_need_probability_mistakes_and_name():
    exams = [
        exam("b", opinion(0.9, truth=True)),
        exam("a", opinion(0.1, truth=True)),
        exam("c", opinion(0.55, truth=False)),
        exam("d"),
    ]

    def names(by: str) -> str:
        return "".join(one.exam.exam for one in ordered(exams, by))

    assert names(NEED) == "cabd" and names(MISTAKES) == "acbd"
    assert names(f"{PROBABILITY}acl") == "bcad" and names("exam") == "abcd"


def test_slices_are_ranked_within_a_plane_and_a_label():
    rows = [("axial", 3, "acl", 0.1), ("axial", 5, "acl", 0.7), ("sagittal", 1, "acl", 9), ("axial", 2, "meniscus", 9)]
    one = ExamDiagnosis(
        ExamFacts("a", "a", {}), (), tuple(SliceShare(plane, "s", index, label, c) for plane, index, label, c in rows)
    )
    assert [row.index for row in ranked(one, "axial", "acl")] == [5, 3]
    assert signed(-0.1) == "−0.10" and signed(0.456) == "+0.46"


def test_planes_are_those_the_exam_has_and_the_classifiers_know():
    facts = DiagnosisFacts(
        "d", DiagnosisRequest(("r",)), ("acl",), ("a",), {"acl": {"axial": 0.5, "sagittal": 0.5}}, {}
    )
    assert planes_of(ExamFacts("a", "a", {"coronal": "s"}), facts) == ["sagittal", "coronal", "axial"]
    assert planes_of(ExamFacts("a", "a", {"sagittal": "s"}), None) == ["sagittal"]


def test_the_newest_classifier_of_each_plane_is_proposed(tmp_path):
    engine = KneeEngine(tmp_path)
    engine.open_study(tmp_path)
    old, sagittal, axial = engine.train("sagittal", "sagittal", "axial")
    (other,) = engine.train("coronal", labels="scanner")
    found = classifiers_of(engine.runs(), engine.methods())
    assert [one.run for one in found] == [other, axial, sagittal, old]
    assert found[1].labels == LABELS and found[1].plane == "axial" and "step 2" in found[1].about
    assert len({one.colour for one in found}) == 4
    assert proposed(found) == (other,) and proposed(found[1:]) == (axial, sagittal) and proposed([]) == ()
    assert shared_labels(found) == () and shared_labels(found[1:]) == LABELS and shared_labels([]) is None


def test_a_diagnosis_is_called_by_its_time_and_size(tmp_path):
    facts = DiagnosisFacts("d", DiagnosisRequest(("r", "q")), ("acl",), ("a",), {}, {}, created="no time")
    assert title_of(facts) == "no time · 2 classifiers · 1 exam"


@pytest.mark.parametrize(
    ("one", "said"),
    [
        ({"mean": 0.8934, "low": 0.851, "high": 0.928, "n": 120}, "0.893\n(0.85–0.93, n = 120)"),
        ({"mean": math.nan, "low": math.nan, "high": math.nan, "n": 3}, "–"),
        ({"mean": 0.5, "n": 2}, "0.500\n(n = 2)"),
        (None, "–"),
    ],
)
def test_figures_are_written_with_their_interval_and_n(one, said):
    assert figure_words(one) == said


# Labels that stand together


def test_truths_are_what_says_yes_of_some_and_no_of_others():
    exams = [
        ExamFacts("a", "a", {}, {"acl": "1", "knee": "left", "fold": "1", "torn": "Yes"}),
        ExamFacts("b", "b", {}, {"acl": "0", "knee": "right", "fold": "1", "torn": "no"}),
    ]
    assert truths_of(exams) == {"a": {"acl": True, "torn": True}, "b": {"acl": False, "torn": False}}
    more = truths_of(exams, [exam("a", opinion(0.5, label="acl: healthy", truth=False), opinion(0.5, label="x"))])
    assert more["a"] == {"acl": True, "torn": True, "acl: healthy": False}
    assert [yes_or_no(said) for said in (" TRUE", "0", "maybe", "")] == [True, False, None, None]


def literal_scumble(having: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """IRLbl (L,) and SCUMBLE per exam (N,) of a whole boolean matrix (N, L), term by term."""
    counts = [int(having[:, j].sum()) for j in range(having.shape[1])]
    imbalance = np.array([max(counts) / count if count else np.inf for count in counts])
    found = []
    for row in having:
        own = [imbalance[j] for j in range(len(row)) if row[j]]
        product = 1.0
        for value in own:
            product *= value
        found.append(1 - product ** (1 / len(own)) / (sum(own) / len(own)) if own else 0.0)
    return imbalance, np.array(found)


def test_concurrence_agrees_with_its_definition_term_by_term():
    having = np.random.default_rng(3).random((40, 4)) < np.array([0.7, 0.3, 0.15, 0.0])
    truths = {str(i): {f"l{j}": bool(value) for j, value in enumerate(row)} for i, row in enumerate(having)}
    found = concurrence(truths)
    imbalance, scumbles = literal_scumble(having)
    assert found.imbalance == pytest.approx(imbalance) and found.exams == 40 and found.known == (40,) * 4
    assert list(found.scumble.values()) == pytest.approx(scumbles, abs=1e-12)
    assert found.mean_scumble == pytest.approx(scumbles.mean())
    for i in range(4):
        for j in range(4):
            assert found.counts[i][j] == int((having[:, i] & having[:, j]).sum())
    assert found.given(1, 0) == pytest.approx(having[having[:, 1], 0].mean()) and math.isnan(found.given(3, 0))


def test_what_is_not_known_of_an_exam_counts_neither_way():
    found = concurrence({"a": {"acl": True, "meniscus": True}, "b": {"acl": True}, "c": {}}, ("acl", "meniscus"))
    assert found.given(0, 1) == 1.0 and found.counts == ((2, 1), (1, 1)) and found.known == (2, 1)
    assert found.exams == 2 and set(found.scumble) == {"a", "b"}
    assert (
        scumble([3.0]) == scumble([]) == 0.0
        and scumble([2.0, 2.0]) == 0.0
        and scumble([1.0, 4.0]) == pytest.approx(0.2)
    )
    assert math.isnan(concurrence({}).mean_scumble)
