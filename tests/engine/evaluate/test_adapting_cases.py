"""What is said of a scan before and after adapting, and the comparison of methods."""

from __future__ import annotations

import numpy as np
import pytest

from sagittal.method import AdaptationStep
from sagittal_engine.evaluate.adapting import Said, case_of, changed, compare, losses


def mask(*on):
    found = np.zeros((4, 1, 1), bool)
    found[list(on)] = True
    return {"disc": found}


def test_a_case_has_means_over_steps_and_dice_where_there_is_truth():
    steps = [
        AdaptationStep(2e-5, 0.3, -0.5, 0.1, images=2),
        AdaptationStep(4e-5, 0.2, 0.5, None, images=2),
        AdaptationStep(note="Left out."),
    ]
    row = case_of("a", mask(0, 1), Said(mask(0, 1), 0.5), Said(mask(0), 0.4), steps)
    assert row["cosine"] == 0.0 and row["step_size"] == pytest.approx(2e-5) and row["empirical_cosine"] == 0.1
    assert row["before"] == 1.0 and row["after"] == pytest.approx(2 / 3) and row["changed"] == 0.5
    assert row["dice_after"] == {"disc": pytest.approx(2 / 3)} and row["notes"] == ["At 1 of 5 slices: Left out."]
    assert row["steps"] == 3 and row["warning"] == "", "it became surer"
    bare = case_of("a", {}, Said(mask(0, 1), 0.5), Said(mask(0), 0.5), [])
    assert bare["before"] is None and bare["cosine"] is None and "50 % of the mask" in bare["warning"]


def test_changed_voxels_are_those_of_one_mask_only():
    assert changed(mask(0, 1), mask(1, 2)) == pytest.approx(2 / 3) and changed(mask(), mask()) == 0.0


def test_methods_are_compared_scan_by_scan():
    def case(scan, method, before, after, order=0):
        return {"scan": scan, "method": method, "order": order, "before": before, "after": after}

    cases = [
        case("a", "tent", 0.5, 0.7), case("b", "tent", 0.8, 0.7), case("c", "tent", None, None),
        case("a", "grata", 0.5, 0.6), case("a", "grata", 0.5, 0.8, 1),
        case("b", "grata", 0.8, 0.9), case("b", "grata", 0.8, 0.9, 1),
    ]  # fmt: skip
    found = compare(cases, resamples=100)
    assert found["before"]["mean"] == pytest.approx(0.65) and found["before"]["n"] == 2
    assert found["tent_gain"]["mean"] == pytest.approx(0.05) and found["grata"]["mean"] == pytest.approx(0.8)
    assert found["grata_spread"]["mean"] == pytest.approx(0.1) and "tent_spread" not in found
    assert found["grata_beyond"]["mean"] == pytest.approx(0.1) and "tent_beyond" not in found, "beyond the first named"
    assert losses(cases) == {"tent": 1, "grata": 0}
    assert compare([case("c", "tent", None, None)]) == {}
