"""Collapse alarms: closed forms, and sentences said once."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_engine.kit.collapse import CollapseAlarm, effective_rank, feature_deviation


def test_effective_rank_in_closed_form():
    """Simplices, lines and points; two directions of unequal strength by the entropy of their shares."""
    generator = torch.Generator().manual_seed(0)
    assert effective_rank(torch.ones(5, 3)) == 1.0
    assert effective_rank(torch.arange(6.0).view(6, 1) * torch.ones(1, 4)) == pytest.approx(1.0, abs=1e-5)
    assert effective_rank(torch.cat([torch.eye(4), -torch.eye(4)])) == pytest.approx(4.0)
    rows = torch.tensor([[3.0, 0], [-3.0, 0], [0, 1.0], [0, -1.0]])
    shares = [0.75, 0.25]
    assert effective_rank(rows) == pytest.approx(math.exp(-sum(s * math.log(s) for s in shares)))
    wide = torch.randn(6, 40, generator=generator)
    singular = torch.linalg.svdvals((wide - wide.mean(0)).double())
    shares = singular / singular.sum()
    expected = math.exp(float(-(shares * shares.clamp(min=1e-300).log()).sum()))
    assert effective_rank(wide) == pytest.approx(expected, rel=1e-5)


def test_feature_deviation_is_one_on_an_even_sphere_and_none_where_all_is_equal():
    rows = torch.randn(4000, 16, generator=torch.Generator().manual_seed(0))
    assert feature_deviation(rows) == pytest.approx(1.0, abs=0.02)
    assert feature_deviation(5 * rows) == pytest.approx(feature_deviation(rows))
    assert feature_deviation(torch.ones(4, 3)) == pytest.approx(0.0, abs=1e-7)


def test_a_collapse_is_told_once_and_only_when_it_lasts():
    alarm = CollapseAlarm()
    generator = torch.Generator().manual_seed(0)
    healthy = torch.randn(64, 32, generator=generator)
    equal = torch.ones(64, 32) + 1e-3 * healthy
    assert alarm.look(equal, 50)[1] == "", "an untrained network is nearly constant"
    assert alarm.look(equal, 110)[1] == ""
    numbers, sentence = alarm.look(equal, 120)
    assert "nearly equal" in sentence and "learning_rate" in sentence
    assert numbers["feature_deviation"] < 0.1
    assert alarm.look(equal, 130)[1] == ""
    assert alarm.look(healthy, 140)[1] == ""


def test_a_dimensional_collapse_is_told_in_its_own_words():
    alarm = CollapseAlarm()
    line = torch.linspace(-1, 1, 64).view(64, 1) * torch.randn(1, 32, generator=torch.Generator().manual_seed(0))
    alarm.look(line, 100)
    numbers, sentence = alarm.look(line, 110)
    assert "1.0 of 32 directions" in sentence
    assert numbers["effective_rank_share"] == pytest.approx(1 / 32, rel=1e-3)


def test_projections_that_are_no_numbers_are_left_to_the_loss():
    assert CollapseAlarm().look(torch.full((4, 3), float("nan")), 100) == ({}, "")
