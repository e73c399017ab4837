"""How many arrangements of a puzzle's cells there are, by rule. No torch: forms ask before anything is computed."""

from __future__ import annotations

import math

CELLS = (4, 9, 16)
"""Cells that a puzzle may have: grids of 2×2, 3×3 and 4×4."""
RULES = ("uniform", "hamming")
WALKED = 9
"""Cells up to which all permutations are walked; there are too many of more."""
_WALKED_SIZES = {4: 12, 9: 1887}
"""What such a walk keeps."""
_MOST_APART = 10_000
"""Of 16 cells: each further arrangement is compared with all before."""


def most_arrangements(rule: str, cells: int) -> int:
    """How many different arrangements of `cells` cells the rule can give."""
    if rule == "uniform":
        return math.factorial(cells)
    return _WALKED_SIZES[cells] if cells <= WALKED else _MOST_APART
