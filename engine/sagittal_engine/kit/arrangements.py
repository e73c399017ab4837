"""Orders in which the cells of a puzzle are laid: sets of permutations, by name and seed.

A row of a set is one arrangement a: place i of the puzzle holds cell a_i of the image. Row 0 is the identity.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sagittal_engine.kit.arrangement_rules import CELLS, RULES, WALKED, most_arrangements

Array = np.ndarray[Any, Any]

ATTEMPTS = 200
"""Permutations drawn for each that is wanted before a set counts as full."""


def arrangements(count: int, *, rule: str = "uniform", seed: int = 0, cells: int = 9) -> Tensor:
    """`count` different arrangements of `cells` cells, int64 (count, cells): the identity, then others drawn by `seed`.

    "uniform": from all permutations alike (SKID). "hamming": from a set of which any two differ in more than
    cells // 2 places (SETARR of SSLACL, thesis ch. 3: more than 4 of 9). Of 4 and 9 cells that set is what a walk over
    all permutations in lexicographic order keeps, 1,887 arrangements of 9; of 16, whose 2·10¹³ permutations nobody
    walks, each is drawn and kept where it differs enough from those before.

    Raises ValueError where the rule or grid is none of those there are, or there are not as many arrangements.
    """
    if rule not in RULES:
        raise ValueError(f"the rule must be one of {', '.join(RULES)}; got {rule!r}.")
    if cells not in CELLS:
        raise ValueError(f"a puzzle has {', '.join(map(str, CELLS))} cells; got {cells}.")
    most = most_arrangements(rule, cells)
    if not 1 <= count <= most:
        raise ValueError(f"there are 1 to {most} arrangements of {cells} cells by the rule '{rule}'; got {count}.")
    generator = torch.Generator().manual_seed(seed)
    if rule == "uniform":
        found = _unranked(_ranks(count, math.factorial(cells), generator), cells)
    elif cells <= WALKED:
        members = setarr(cells)
        order = 1 + torch.randperm(len(members) - 1, generator=generator)[: count - 1]
        found = members[np.concatenate([[0], order.numpy()])]
    else:
        found = _apart(count, cells, generator)
    return torch.from_numpy(np.ascontiguousarray(found, dtype=np.int64))


@functools.cache
def setarr(cells: int = 9) -> Array:
    """The greedy code: permutations in lexicographic order, each kept if it differs from every kept one in more than
    cells // 2 places; uint8 (members, cells), the identity first.

    Whatever is within cells // 2 places of a kept one is the kept one with so many of its places moved, so each kept
    one strikes its own ball from the list and nothing is ever compared.
    """
    ball = _unranked(np.arange(math.factorial(cells)), cells)
    ball = ball[(ball != np.arange(cells)).sum(1) <= cells // 2]
    left = np.ones(math.factorial(cells), dtype=bool)
    kept = []
    at = 0
    while at < len(left):
        member = _unranked(np.array([at]), cells)[0]
        kept.append(member)
        left[_ranked(member[ball])] = False
        ahead = left[at:]
        step = int(ahead.argmax())
        at = at + step if ahead[step] else len(left)
    return np.stack(kept)


def places_moved(arranged: Tensor) -> Tensor:
    """Hamming distance of arrangements (…, cells) from the identity: how many cells are not in their place."""
    return (arranged != torch.arange(arranged.shape[-1], device=arranged.device)).sum(-1)


def _apart(count: int, cells: int, generator: torch.Generator) -> Array:
    kept = np.empty((count, cells), dtype=np.uint8)
    kept[0] = np.arange(cells)
    have, drawn = 1, 0
    while have < count:
        one = torch.randperm(cells, generator=generator).numpy().astype(np.uint8)
        if (kept[:have] != one).sum(1).min() > cells // 2:
            kept[have] = one
            have += 1
        drawn += 1
        if drawn > ATTEMPTS * count:
            raise ValueError(f"only {have} arrangements of {cells} cells that differ enough were found; got {count}.")
    return kept


def _ranks(count: int, total: int, generator: torch.Generator) -> Array:
    """0, and count − 1 other numbers below `total`, all different."""
    if 2 * count > total:
        return np.concatenate([[0], 1 + torch.randperm(total - 1, generator=generator)[: count - 1].numpy()])
    found = dict.fromkeys([0])
    while len(found) < count:
        wanted = count - len(found)
        found |= dict.fromkeys(torch.randint(1, total, (wanted,), generator=generator).tolist())
    return np.fromiter(found, dtype=np.int64, count=count)


def _unranked(ranks: Array, cells: int) -> Array:
    """The permutations at these places of the lexicographic order: uint8 (len(ranks), cells)."""
    found = np.empty((len(ranks), cells), dtype=np.uint8)
    rest = ranks.astype(np.int64)
    for place in range(cells):
        found[:, place], rest = np.divmod(rest, math.factorial(cells - 1 - place))
    # A digit counts the smaller cells not used before it: from the right, each pushes up those behind it.
    for place in range(cells - 2, -1, -1):
        behind = found[:, place + 1 :]
        behind += behind >= found[:, place : place + 1]
    return found


def _ranked(permutations: Array) -> Array:
    """The lexicographic place of each permutation (P, cells): int64 (P,)."""
    columns = np.ascontiguousarray(permutations.T)
    rank = np.zeros(len(permutations), dtype=np.int64)
    for place, column in enumerate(columns):
        # How many of those behind are smaller: one column at a time, which is several times as quick as all at once.
        smaller = np.zeros(len(column), dtype=np.int64)
        for behind in columns[place + 1 :]:
            smaller += behind < column
        rank += smaller * math.factorial(len(columns) - 1 - place)
    return rank
