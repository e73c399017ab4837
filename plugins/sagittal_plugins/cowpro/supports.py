"""What is computed once from supports, and then serves one query after the other."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sagittal.method import Support
from sagittal_engine.kit.one_shot import implied_range
from sagittal_plugins.cowpro.scoring import Bank, ScoreRule, bank, fitted, unit_pixels
from sagittal_plugins.cowpro.volume import Prepared

Array = np.ndarray[Any, Any]

Place = tuple[str, int]
"""A support scan's id, and one of its axial slices."""


@dataclass(frozen=True)
class Organ:
    """What is known of one label: annotated slices of one support scan."""

    scan: str
    slices: tuple[int, ...]
    masks: torch.Tensor
    """(n, 1, h, w) shares on the feature grid."""
    ends: tuple[int, int]
    """First and last slice of the label in the support scan, said or implied."""


@dataclass(frozen=True)
class PaintedSlice:
    """One support slice, ready to be compared with the slices of queries."""

    labels: tuple[str, ...]
    """Those painted on it, in the order of the bank's masks."""
    bank: Bank
    pixels: torch.Tensor
    """(h·w, D), unit."""


@dataclass(frozen=True)
class Memory:
    """What was last computed from supports: it serves until support or network change."""

    supports: tuple[Support, ...]
    module: weakref.ref[torch.nn.Module]
    stamp: int
    network: torch.nn.Module
    """The module made ready for inference."""
    scans: Mapping[str, Prepared]
    organs: Mapping[str, Organ]
    painted: Mapping[Place, PaintedSlice]

    def serves(self, module: torch.nn.Module, supports: Sequence[Support]) -> bool:
        """Whether the same supports and the same, unchanged network are asked for again."""
        same = len(supports) == len(self.supports) and all(a is b for a, b in zip(supports, self.supports, strict=True))
        return same and self.module() is module and self.stamp == stamp(module)


def stamp(module: torch.nn.Module) -> int:
    """Grows with every change in place of a weight or statistic, as training and loading make them."""
    return sum(tensor._version for tensor in (*module.parameters(), *module.buffers()))


def read_supports(
    supports: Sequence[Support],
    scans: Mapping[str, Prepared],
    encode: Callable[[Array], torch.Tensor],
    rule: ScoreRule,
) -> tuple[dict[str, Organ], dict[Place, PaintedSlice]]:
    """Every label with the slices on which it is painted, and those slices; each is encoded once.

    `encode` turns prepared slices (n, H, W) into features (n, D, h, w). Raises ValueError where there is no support
    slice, or where a label is painted on none of its slices.
    """
    wanted: dict[Place, Array] = {}
    for support in supports:
        images = scans[support.scan.id].native_slices(support.scan, support.slices)
        wanted.update({(support.scan.id, z): image for z, image in zip(support.slices, images, strict=True)})
    if not wanted:
        raise ValueError("segmenting needs at least one support with at least one slice; got none.")
    encoded = dict(zip(wanted, encode(np.stack(list(wanted.values()))), strict=True))
    example = next(iter(encoded.values()))
    organs: dict[str, Organ] = {}
    for support in supports:
        for label, mask in support.masks.items():
            shares = torch.from_numpy(scans[support.scan.id].native_masks(mask, support.slices)).unsqueeze(1)
            shares = fitted(shares.to(example.device), (example.shape[1], example.shape[2]))
            organs[label] = _organ(support, label, shares)
    painted: dict[Place, PaintedSlice] = {}
    for place, features in encoded.items():
        on_it = {
            label: organ.masks[organ.slices.index(place[1]), 0]
            for label, organ in organs.items()
            if organ.scan == place[0] and place[1] in organ.slices
        }
        if on_it:
            prototypes = bank(features, torch.stack(list(on_it.values())), rule)
            painted[place] = PaintedSlice(tuple(on_it), prototypes, unit_pixels(features.unsqueeze(0), rule)[0])
    return organs, painted


def _organ(support: Support, label: str, shares: torch.Tensor) -> Organ:
    """The label on those slices of its support that show it; `shares` (n, 1, h, w) are its masks on them all."""
    shown = [i for i in range(len(support.slices)) if shares[i].sum() > 0]
    if not shown:
        raise ValueError(
            f"Label '{label}' is painted on none of the support slices {support.slices} of scan "
            f"{support.scan.id}; paint it there or choose slices that hold it."
        )
    slices = tuple(support.slices[i] for i in shown)
    return Organ(support.scan.id, slices, shares[shown], support.ranges.get(label, implied_range(slices)))
