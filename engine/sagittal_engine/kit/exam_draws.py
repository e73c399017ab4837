"""Which slices of a scan one look takes: the Monte Carlo draws of evaluation, and those of training."""

from __future__ import annotations

import torch
from torch import Tensor

DRAWS = {
    "normal": "Around the middle: normal, with a quarter of the slices as its deviation (thesis ch. 3).",
    "stratified": "3 of 16 from the first fifth of the slices, 3 from the last, the others from between (released "
    "program).",
    "uniform": "All slices alike.",
}
ENDS = 3 / 16
"""Of a stratified draw, the share that comes from either end."""


def draw_slices(count: int, wanted: int, rule: str, generator: torch.Generator) -> Tensor:
    """int64, ascending, none twice: `wanted` of `count` slices, or all where there are no more.

    "normal": slice i, which reaches from i to i + 1, with weight exp(−z²/2), z = (i + ½ − N/2) / (N/4), N = `count`.
    Raises ValueError where the rule is none of those there are, or a number is less than one.
    """
    if rule not in DRAWS:
        raise ValueError(f"slices are drawn by one of {', '.join(DRAWS)}; got {rule!r}.")
    if count < 1 or wanted < 1:
        raise ValueError(f"at least one of at least one slice is drawn; got {wanted} of {count}.")
    if wanted >= count:
        return torch.arange(count)
    if rule == "stratified":
        chosen = _stratified(count, wanted, generator)
    else:
        place = (torch.arange(count) + 0.5 - count / 2) / (count / 4)
        weights = torch.exp(-0.5 * place.square()) if rule == "normal" else torch.ones(count)
        chosen = torch.multinomial(weights, wanted, replacement=False, generator=generator)
    return chosen.sort().values


def _stratified(count: int, wanted: int, generator: torch.Generator) -> Tensor:
    """Where a part has fewer slices than it should give, the others give more."""
    end, ends = count // 5, round(ENDS * wanted)
    order = torch.randperm(count, generator=generator)
    parts = [order[order < end], order[(order >= end) & (order < count - end)], order[order >= count - end]]
    taken = [part[:number] for part, number in zip(parts, (ends, wanted - 2 * ends, ends), strict=True)]
    chosen = torch.cat(taken)
    left = order[~torch.isin(order, chosen)]
    return torch.cat([chosen, left[: wanted - len(chosen)]])


def filled_up(chosen: Tensor, wanted: int) -> Tensor:
    """`wanted` slices of those chosen, ascending: each as often as any other, or once more, so that scans of fewer
    slices fit into a batch with others."""
    return chosen[torch.arange(wanted) * len(chosen) // wanted]
