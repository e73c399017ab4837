"""Orders of a puzzle's cells: the walk against its definition, and what every set keeps."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from sagittal_engine.kit.arrangement_rules import CELLS, RULES, most_arrangements
from sagittal_engine.kit.arrangements import arrangements, places_moved, setarr


def literal_walk(cells, threshold, most=math.inf):
    """SETARR (thesis ch. 3): every permutation in turn, kept if it differs from all kept ones in > threshold places."""
    kept = []
    for candidate in itertools.permutations(range(cells)):
        if all(sum(a != b for a, b in zip(candidate, other, strict=True)) > threshold for other in kept):
            kept.append(candidate)
            if len(kept) == most:
                break
    return kept


def test_the_walk_over_four_cells_is_its_definition():
    assert setarr(4).tolist() == [list(row) for row in literal_walk(4, 2)]
    assert len(setarr(4)) == most_arrangements("hamming", 4)


def test_the_walk_over_nine_cells_begins_as_its_definition_and_keeps_1887():
    members = setarr(9)
    assert members[:60].tolist() == [list(row) for row in literal_walk(9, 4, most=60)]
    assert len(members) == most_arrangements("hamming", 9) == 1887
    apart = (members[:, None] != members[None]).sum(2) + 9 * np.eye(len(members), dtype=int)
    assert apart.min() > 4


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("cells", CELLS)
def test_a_set_holds_different_arrangements_and_begins_with_the_identity(rule, cells):
    count = {4: 12, 9: 200, 16: 200}[cells]
    found = arrangements(count, rule=rule, seed=3, cells=cells)
    assert found.shape == (count, cells) and found.dtype == torch.int64
    assert found[0].tolist() == list(range(cells))
    assert all(sorted(row) == list(range(cells)) for row in found.tolist())
    assert len({tuple(row) for row in found.tolist()}) == count
    assert torch.equal(found, arrangements(count, rule=rule, seed=3, cells=cells))
    assert not torch.equal(found, arrangements(count, rule=rule, seed=4, cells=cells))
    if rule == "hamming":
        apart = (found[:, None] != found[None]).sum(2)
        apart.fill_diagonal_(cells)
        assert int(apart.min()) > cells // 2


def test_the_published_numbers_of_classes_can_be_drawn():
    for count in (500, 1000):
        members = {tuple(row) for row in setarr(9).tolist()}
        assert {tuple(row) for row in arrangements(count, rule="hamming").tolist()} <= members
        assert len(arrangements(count)) == count


def test_all_there_are_can_be_asked_for():
    assert {tuple(row) for row in arrangements(24, cells=4).tolist()} == set(itertools.permutations(range(4)))


def test_uniform_arrangements_are_uniform():
    """Each cell is at each place equally often, within four standard deviations."""
    found = arrangements(8001, seed=1)[1:]
    for place in range(9):
        counts = torch.bincount(found[:, place], minlength=9)
        assert int((counts - 8000 / 9).abs().max()) < 4 * math.sqrt(8000 * (1 / 9) * (8 / 9))


def test_distance_from_the_identity_counts_cells_out_of_place():
    assert places_moved(torch.tensor([[0, 1, 2, 3], [1, 0, 2, 3], [3, 2, 1, 0]])).tolist() == [0, 2, 4]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": 25, "cells": 4}, "there are 1 to 24 arrangements of 4 cells by the rule 'uniform'; got 25"),
        ({"count": 13, "cells": 4, "rule": "hamming"}, "1 to 12 .* got 13"),
        ({"count": 1888, "rule": "hamming"}, "1 to 1887 .* got 1888"),
        ({"count": 0}, "got 0"),
        ({"count": 5, "cells": 8}, "a puzzle has 4, 9, 16 cells; got 8"),
        ({"count": 5, "rule": "cosine"}, "one of uniform, hamming; got 'cosine'"),
    ],
)
def test_what_cannot_be_is_refused_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        arrangements(**arguments)
