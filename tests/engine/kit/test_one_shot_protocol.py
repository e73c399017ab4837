"""Slices, chunks and folds against the worked examples of the papers' protocol."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal_engine.kit.one_shot import chunk_of, fold_scans, implied_range, support_slices


def test_support_slices_are_the_floors_of_the_fractions() -> None:
    # 12 slices from 10: fractions 1/6, 3/6, 5/6 give indices 2, 6, 10.
    assert support_slices(10, 21) == (12, 16, 20)
    assert support_slices(5, 5) == (5, 5, 5)
    assert support_slices(0, 6, chunks=1) == (3,)


@given(st.integers(0, 400), st.integers(0, 400), st.integers(1, 7))
def test_support_slices_lie_in_the_range_and_ascend(first: int, length: int, chunks: int) -> None:
    chosen = support_slices(first, first + length, chunks)
    assert len(chosen) == chunks
    assert list(chosen) == sorted(chosen)
    assert first <= chosen[0] and chosen[-1] <= first + length


def test_annotated_slices_imply_the_range() -> None:
    assert implied_range((12, 16, 20)) == (10, 22)
    assert implied_range((10, 20)) == (5, 25)
    assert implied_range((7,)) == (7, 7)
    with pytest.raises(ValueError, match="none"):
        implied_range(())


@given(st.integers(0, 400), st.integers(0, 400), st.integers(2, 7))
def test_the_implied_range_is_the_annotated_one_within_a_slice_or_two(first: int, length: int, chunks: int) -> None:
    last = first + max(length, 2 * chunks)
    implied = implied_range(support_slices(first, last, chunks))
    assert abs(implied[0] - first) <= 2 and abs(implied[1] - last) <= 2


@given(st.integers(0, 300), st.integers(1, 300), st.integers(-20, 700), st.integers(1, 6))
def test_chunks_follow_the_formula(first: int, length: int, z: int, chunks: int) -> None:
    exact = (z - first) * chunks / length
    near_integer = abs(exact - round(exact)) < 1e-9
    literal = round(exact) if near_integer else math.floor(exact)
    assert chunk_of(z, first, first + length, chunks) == min(max(literal, 0), chunks - 1)


def test_chunk_examples() -> None:
    assert [chunk_of(z, 10, 19) for z in (9, 10, 12, 13, 15, 16, 19, 30)] == [0, 0, 0, 1, 1, 2, 2, 2]
    assert chunk_of(4, 4, 4) == 0


def test_five_folds_of_twenty_have_the_published_boundaries() -> None:
    folds = [fold_scans(20, 5, fold) for fold in range(5)]
    assert [queries for queries, _ in folds] == [tuple(range(4 * f, 4 * f + 4)) for f in range(5)]
    assert [support for _, support in folds] == [4, 8, 12, 16, 0]


@given(st.integers(2, 60), st.data())
def test_folds_cover_all_scans_once_and_never_query_the_support(n: int, data: st.DataObject) -> None:
    folds = data.draw(st.integers(2, n))
    seen: list[int] = []
    for fold in range(folds):
        queries, support = fold_scans(n, folds, fold)
        assert queries and support not in queries
        seen += queries
    assert seen == list(range(n))


@pytest.mark.parametrize(
    ("call", "rule", "value"),
    [
        (lambda: support_slices(3, 2), "first", "first=3"),
        (lambda: support_slices(1, 2, chunks=0), "chunks", "0"),
        (lambda: chunk_of(1, 3, 2), "first", "first=3"),
        (lambda: fold_scans(4, 1, 0), "n_folds", "1"),
        (lambda: fold_scans(4, 5, 0), "n_folds", "5"),
        (lambda: fold_scans(4, 2, 2), "fold", "2"),
    ],
)
def test_what_breaks_a_rule_is_named(call: object, rule: str, value: str) -> None:
    with pytest.raises(ValueError) as error:
        call()  # type: ignore[operator]
    assert rule in str(error.value) and value in str(error.value)
