"""The two protocols of one-shot evaluation: who is support, what is scored, what the segmenter is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from sagittal.method import Prediction, Support
from sagittal_engine.evaluate.one_shot import evaluate_one_shot, label_range, pairings, quadrants_of, support_of


@dataclass
class Scan:
    id: str
    masks: dict[str, np.ndarray[Any, Any]]
    subject: str = ""
    spacing: tuple[float, float, float] = (1, 1, 1)
    meta: Mapping[str, str] = field(default_factory=dict)

    def image(self) -> np.ndarray[Any, Any]:
        return np.zeros((4, 4, 9), np.float32)

    def labels(self) -> dict[str, np.ndarray[Any, Any]]:
        return self.masks


def mask(first: int, last: int) -> np.ndarray[Any, Any]:
    result = np.zeros((4, 4, 9), bool)
    result[1:3, 1:3, first : last + 1] = True
    return result


class Recorder:
    """Segments every label as a block over all slices, and remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def segment(
        self,
        module: torch.nn.Module,
        supports: Sequence[Support],
        query: Scan,
        *,
        ranges: Mapping[str, tuple[int, int]] | None = None,
        quadrants: Mapping[str, Any] | None = None,
    ) -> Prediction:
        self.calls.append({"supports": supports, "query": query.id, "ranges": ranges, "quadrants": quadrants})
        names = [label for support in supports for label in support.masks]
        return Prediction({name: mask(0, 8) for name in names}, {})


def scans(count: int) -> list[Scan]:
    return [Scan(f"s{i}", {"organ": mask(2, 4), "other": mask(1, 6)}) for i in range(count)]


def evaluate(protocol: str, count: int = 3, **more: Any) -> tuple[dict[str, Any], Recorder]:
    recorder = Recorder()
    document = evaluate_one_shot(
        recorder,
        torch.nn.Identity(),
        scans(count),
        ["organ", "other"],
        protocol,
        **more,  # type: ignore[arg-type]
    )
    return document, recorder


def test_published_scores_only_the_true_range() -> None:
    document, recorder = evaluate("published")
    assert [case["dice_organ"] for case in document["cases"]] == [1, 1, 1]
    assert recorder.calls[0]["ranges"] == {"organ": (2, 4), "other": (1, 6)}
    assert document["summary"]["dice_mean"] == {"mean": 1, "low": 1, "high": 1, "n": 3}


def test_deployed_scores_every_slice_and_tells_nothing() -> None:
    document, recorder = evaluate("deployed")
    # 4 voxels a slice: 12 true, 36 predicted.
    assert document["cases"][0]["dice_organ"] == pytest.approx(2 * 12 / (12 + 36))
    assert document["cases"][0]["dice_mean"] == pytest.approx((24 / 48 + 48 / 60) / 2)
    assert all(call["ranges"] is None and call["quadrants"] is None for call in recorder.calls)


def test_folds_take_the_scan_after_as_support() -> None:
    document, recorder = evaluate("deployed", 7)
    assert [case["scan"] for case in document["cases"]] == [f"s{i}" for i in range(7)]
    pairs = {(case["scan"], case["support"]) for case in document["cases"]}
    # Boundaries 0, 1, 2, 4, 5, 7.
    assert pairs == {
        ("s0", "s1"), ("s1", "s2"), ("s2", "s4"), ("s3", "s4"), ("s4", "s5"), ("s5", "s0"), ("s6", "s0"),
    }  # fmt: skip
    assert all(call["query"] not in {s.scan.id for s in call["supports"]} for call in recorder.calls)


def test_a_named_support_serves_all_others() -> None:
    document, recorder = evaluate("deployed", 4, support="s2")
    assert [case["scan"] for case in document["cases"]] == ["s0", "s1", "s3"]
    organ, other = recorder.calls[0]["supports"]
    assert (organ.slices, organ.ranges) == ((2, 3, 4), {"organ": (2, 4)})
    assert (other.slices, other.ranges) == ((2, 4, 6), {"other": (1, 6)})


def test_quadrants_are_given_under_published_alone() -> None:
    _, recorder = evaluate("published", quadrants=True)
    assert recorder.calls[0]["quadrants"]["organ"].tolist() == [[True, True], [True, True]]
    with pytest.raises(ValueError, match="published"):
        evaluate("deployed", quadrants=True)


def test_quadrants_and_ranges_of_masks() -> None:
    one = np.zeros((6, 4, 5), bool)
    one[4, 0, 2] = True
    assert quadrants_of(one).tolist() == [[False, False], [True, False]]
    assert label_range(one) == (2, 2)
    assert label_range(one & False) is None


def test_a_label_that_a_query_lacks_is_not_scored_under_published() -> None:
    some = scans(2)
    some[0].masks["organ"] = mask(2, 4) & False
    document = evaluate_one_shot(Recorder(), torch.nn.Identity(), some, ["organ"], "published", support="s1")  # type: ignore[arg-type]
    assert document["cases"][0]["dice_organ"] is None and document["cases"][0]["dice_mean"] is None
    assert document["summary"] == {}


def test_the_boundary_is_met_before_every_scan() -> None:
    seen: list[tuple[int, int]] = []
    met: list[int] = []
    evaluate("deployed", 3, boundary=lambda: met.append(1), progress=lambda done, total, _: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)] and len(met) == 3


def test_what_cannot_be_evaluated_is_named() -> None:
    with pytest.raises(ValueError, match="'oracle'"):
        evaluate("oracle")
    with pytest.raises(ValueError, match="s9"):
        evaluate("deployed", support="s9")
    with pytest.raises(ValueError, match="got 1"):
        pairings(scans(1), None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"s0 has no truth for liver"):
        support_of(scans(1)[0], ["organ", "liver"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="label"):
        evaluate_one_shot(Recorder(), torch.nn.Identity(), scans(2), [], "deployed")  # type: ignore[arg-type]
