"""Saliency: where in a scan a trained network looked, as a map one can lay over the scan and check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SaliencyLayer:
    """A layer whose features a map can be made from."""

    name: str
    """Of the module, as `named_modules` names it."""
    title: str
    """In words, with the places of its maps: "layer 4 · 16 × 16"."""
    suggested: bool = False
    """The last layer that still tells places apart: what a request without a layer takes."""
    about: str = ""
    """What a reader of its maps must know; one sentence, or empty."""


@dataclass(frozen=True)
class SaliencyRequest:
    """Everything that determines a map."""

    run: str
    scan: str
    layer: str = ""
    """Empty takes the last layer that still tells places apart."""
    target: str = ""
    """What the map explains: a label of a classifier or a segmenter, "puzzle" (the arrangement the network took for the
    right one), "transform" (the one it guessed), "similarity" (with the mean feature of the training images). Empty
    takes the first that the run offers."""
    checkpoint: str = "last"
    shuffled: bool = False
    """Random weights in place of the trained ones, from `layer` to the output: what a map must not survive."""
    seed: int = 0


@dataclass(frozen=True)
class SaliencyFacts:
    """A map that was made. Its voxels come from `RunPort.saliency_map`."""

    id: str
    request: SaliencyRequest
    title: str
    """What it shows, in words."""
    share: Mapping[str, float] = field(default_factory=dict)
    """"border", "background" → share of the map's sum in 0…1 there; "shortcut" → their union's share; each also with
    "_area", the share of the pixels there: what a map without preference would have."""
    sanity: float | None = None
    """Spearman correlation of this map with that of shuffled weights, over the voxels; None until it was asked for.
    Near 1 means that the map tells about the picture, not about what was learnt."""
    hits: Mapping[str, float] = field(default_factory=dict)
    """Label of the scan → share of slices with that label whose highest saliency lies within it; each also with
    "_area", that label's share of those slices: what a map without preference would have; and with "_rank", the
    probability that a pixel of the label has more saliency than another of its slice, a half without preference."""
    notes: tuple[str, ...] = ()
    """What must be said beside the map, as that a layer's maps are alike in all cells."""
    plane: str = "axial"
    """The plane that the explained slices lie in: "axial", "coronal" or "sagittal"."""
    step: int = 0
    """Of the checkpoint."""
    created: str = ""
    """ISO 8601 time."""
