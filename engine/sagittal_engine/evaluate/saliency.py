"""What a saliency map says in numbers: where it lies, whether it hits, whether it tells of what was learnt at all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata, spearmanr
from torch import Tensor, nn

from sagittal_engine.kit.slices import as_stack

Array = np.ndarray[Any, Any]

AREA = "_area"
"""Ending of the name of what a map without preference would have."""
RANK = "_rank"
"""Ending of the name of how a label's pixels rank among the others."""
RANKED = 2_000_000
"""Voxels at most whose ranks are compared; of more every n-th."""


def shares(maps: Tensor, background: Tensor, borders: Tensor | None) -> dict[str, float]:
    """The share of the sum of `maps` (n, H, W) that lies on what is no body, on the borders of cells, and on either.

    `background` is bool (n, H, W), `borders` bool (H, W) or None for a network that sees whole slices. Names are
    "background", "border" and "shortcut", each also with "_area": that share of the pixels. Pixels that are NaN were
    not shown to the network and count nowhere. Where the maps are 0 everywhere only areas are given; nothing where
    there is no pixel.
    """
    shown = maps.isfinite()
    count, total = int(shown.sum()), float(maps.nan_to_num(0.0).double().sum())
    if not count:
        return {}
    places = {"background": background}
    if borders is not None:
        places["border"] = borders.expand_as(background)
    either = torch.stack(list(places.values())).any(0)
    found = {}
    for name, place in {**places, "shortcut": either}.items():
        there = place & shown
        if total > 0:
            found[name] = float(maps[there].double().sum()) / total
        found[name + AREA] = int(there.sum()) / count
    return found


def hits(volume: Array, masks: Mapping[str, Array], plane: str) -> dict[str, float]:
    """The pointing game (Zhang et al., IJCV 2018, without tolerance): of the slices of `plane` that hold a label, the
    share whose highest saliency lies in it; "_area" is the mean share of the shown pixels of those slices that it has.

    Maps of few places seldom have their highest point in a small label, however near they come. "_rank" tells that
    apart: the mean over those slices of the probability that a pixel of the label has more saliency than another shown
    pixel, ties counting half (the area under the ROC curve); a map without preference has 0.5. It is left out where
    labels cover all that was shown.

    `volume` and `masks` are (X, Y, Z). A slice whose map is 0 everywhere points nowhere; one that was not shown is left
    out. Labels that are in no slice that was shown are left out too.
    """
    maps = as_stack(volume, plane)
    found = {}
    for name, mask in masks.items():
        own = as_stack(mask, plane)
        right, areas, ranks = [], [], []
        for index in np.flatnonzero(own.any((1, 2))):
            shown = np.isfinite(maps[index])
            if not shown.any():
                continue
            one = np.where(shown, maps[index], -1)
            right.append(bool(one.max() > 0 and own[index].flat[one.argmax()]))
            areas.append((own[index] & shown).sum() / shown.sum())
            rank = _rank(maps[index][shown], own[index][shown])
            ranks += [] if rank is None else [rank]
        if right:
            found[name] = float(np.mean(right))
            found[name + AREA] = float(np.mean(areas))
        if ranks:
            found[name + RANK] = float(np.mean(ranks))
    return found


def _rank(values: Array, inside: Array) -> float | None:
    """The Mann-Whitney statistic of the values inside, over its largest value; None where all or none are."""
    count = int(inside.sum())
    if count in (0, len(inside)):
        return None
    above = rankdata(values)[inside].sum() - count * (count + 1) / 2
    return float(above / (count * (len(inside) - count)))


def likeness(map_a: Array, map_b: Array) -> float | None:
    """Spearman's correlation of two maps over the voxels that both have; None where one of them is the same
    everywhere."""
    both = np.isfinite(map_a) & np.isfinite(map_b)
    a, b = (one[both][:: max(1, int(both.sum()) // RANKED)] for one in (map_a, map_b))
    if len(a) < 2 or a.min() == a.max() or b.min() == b.max():
        return None
    return float(spearmanr(a, b).statistic)


def randomised(
    module: nn.Module, layer: str, run: Callable[[nn.Module, nn.Module], object], seed: int
) -> tuple[nn.Module, nn.Module]:
    """A copy of `module` whose weights, from `layer` to the output, are shuffled tensor by tensor; and its layer.

    `run(copy, layer)` uses the network once: what is called from the layer on, in that order, is shuffled (Adebayo et
    al., NeurIPS 2018, who draw new weights; shuffled ones keep their sizes). Where nothing behind the layer has
    weights, those of the last part before it that has some are shuffled.
    """
    other = copy.deepcopy(module)
    chosen = other.get_submodule(layer)
    before: list[nn.Module] = []
    behind: list[nn.Module] = []
    reached = False

    def note(part: nn.Module, _inputs: Any) -> None:
        nonlocal reached
        reached = reached or part is chosen
        if part._parameters:
            (behind if reached else before).append(part)

    handles = [part.register_forward_pre_hook(note) for part in other.modules()]
    try:
        run(other, chosen)
    finally:
        for handle in handles:
            handle.remove()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in dict.fromkeys(behind or before[-1:]):
            for weights in part.parameters(recurse=False):
                order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
                weights.copy_(weights.flatten()[order].view_as(weights))
    return other, chosen
