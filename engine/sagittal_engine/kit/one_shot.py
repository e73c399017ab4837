"""Slices, chunks and folds of one-shot segmentation (SSL-ALPNet's protocol, kept by CoWPro, thesis ch. 7). No torch.

Everything is integer arithmetic, so the answers do not depend on rounding.
"""

from __future__ import annotations

from collections.abc import Sequence


def _check_range(first: int, last: int, chunks: int) -> None:
    if chunks < 1:
        raise ValueError(f"chunks must be at least 1; got {chunks}.")
    if first > last:
        raise ValueError(f"first must not be greater than last; got first={first}, last={last}.")


def support_slices(first: int, last: int, chunks: int = 3) -> tuple[int, ...]:
    """The slice to annotate in each chunk of a structure that lies on slices `first`…`last` (both included).

    With n = last − first + 1, chunk k takes first + ⌊(2k + 1)/(2·chunks) · n⌋: for three chunks the fractions are
    1/6, 3/6 and 5/6. Always `chunks` entries, ascending; a structure of fewer slices repeats some.

    Raises ValueError where first > last or chunks < 1.
    """
    _check_range(first, last, chunks)
    count = last - first + 1
    return tuple(first + (2 * k + 1) * count // (2 * chunks) for k in range(chunks))


def implied_range(slices: Sequence[int]) -> tuple[int, int]:
    """First and last slice of a structure annotated on `slices`, ascending, one in the middle of each chunk.

    The outer two lie half a chunk inside its ends, a chunk being their mean distance: the inverse of `support_slices`,
    rounded outwards. One slice says nothing of the chunk's length and stands for itself.

    Raises ValueError where there is no slice.
    """
    if not slices:
        raise ValueError("a structure is implied by at least one annotated slice; got none.")
    first, last, halves = slices[0], slices[-1], 2 * max(len(slices) - 1, 1)
    reach = -(-(last - first) // halves)
    return first - reach, last + reach


def chunk_of(slice_index: int, first: int, last: int, chunks: int = 3) -> int:
    """The chunk of a structure on slices `first`…`last` that `slice_index` falls in.

    ⌊(z − first)/((last − first)/chunks)⌋, clipped to 0…chunks − 1, so slices outside the range take the nearest chunk;
    a single-slice structure is chunk 0.

    Raises ValueError where first > last or chunks < 1.
    """
    _check_range(first, last, chunks)
    if first == last:
        return 0 if slice_index <= first else chunks - 1
    return min(max((slice_index - first) * chunks // (last - first), 0), chunks - 1)


def fold_scans(n_scans: int, n_folds: int, fold: int) -> tuple[tuple[int, ...], int]:
    """Query scans of one fold, and the one support scan: the scan after the fold, round and round.

    Fold f holds the scans ⌊f·n/F⌋ … ⌊(f+1)·n/F⌋ − 1: for 20 scans in 5 folds the boundaries are 0, 4, 8, 12, 16, 20.
    The support scan is never one of the queries.

    Raises ValueError where n_folds is not in 2…n_scans or fold is not in 0…n_folds − 1.
    """
    if not 2 <= n_folds <= n_scans:
        raise ValueError(
            f"n_folds must lie in 2…n_scans, so that the support scan is never a query; got {n_folds} folds for "
            f"{n_scans} scans."
        )
    if not 0 <= fold < n_folds:
        raise ValueError(f"fold must lie in 0…{n_folds - 1}; got {fold}.")
    start, stop = fold * n_scans // n_folds, (fold + 1) * n_scans // n_folds
    return tuple(range(start, stop)), stop % n_scans
