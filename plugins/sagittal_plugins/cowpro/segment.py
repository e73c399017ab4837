"""Segmenting scans from support slices: each slice of the query is encoded once, for all organs.

Published protocol (`ranges` given): only slices in the query's true range are segmented, each from the support slice
of its chunk. Deployed (`ranges` None): nothing of the query's truth is used. `placement.locate` finds each organ's
range and neighbourhood from the looks of the two scans; a slice is rejected unless its predicted mask, taken as
support in turn, finds the support's own mask again (CCR's idea, used as a test); the largest 3D component is kept.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional as F

from sagittal.method import Context, Prediction, ScanData, Support
from sagittal_engine.kit.pretext import PretextBase
from sagittal_plugins.cowpro import CoWProParams, rules
from sagittal_plugins.cowpro.placement import (
    CELLS,
    NOT_LOOKED_AT,
    Place,
    deployed_plan,
    held_run,
    implied_range,
    locate,
    published_plan,
)
from sagittal_plugins.cowpro.prototypes import unit
from sagittal_plugins.cowpro.scoring import ScoreRule, enlarged, fitted, margins, margins_of_pixels
from sagittal_plugins.cowpro.volume import Prepared

Array = np.ndarray[Any, Any]

ENCODED_AT_ONCE = 16
"""Slices per forward pass."""

NEEDED_RETURN = 0.2
"""Dice with the support's mask that a slice's prediction must find again when the roles are exchanged."""


@dataclass(frozen=True)
class Organ:
    """What is known of one label: annotated slices of one support scan."""

    scan: ScanData
    slices: tuple[int, ...]
    masks: torch.Tensor
    """(n, 1, h, w) shares on the feature grid."""
    ends: tuple[int, int]
    """First and last slice of the label in the support scan, said or implied."""
    features: torch.Tensor
    """(n, D, h, w)."""


@dataclass(frozen=True)
class Memory:
    """What was last computed from supports: it serves one query after the other, until support or network change."""

    supports: tuple[Support, ...]
    module: weakref.ref[torch.nn.Module]
    stamp: int
    scans: Mapping[str, Prepared]
    organs: Mapping[str, Organ]

    def serves(self, module: torch.nn.Module, supports: Sequence[Support]) -> bool:
        """Whether the same supports and the same, unchanged network are asked for again."""
        same = len(supports) == len(self.supports) and all(a is b for a, b in zip(supports, self.supports, strict=True))
        return same and self.module() is module and self.stamp == _stamp(module)


def _stamp(module: torch.nn.Module) -> int:
    """Grows with every change in place of a weight or statistic, as training and loading make them."""
    return sum(tensor._version for tensor in (*module.parameters(), *module.buffers()))


@dataclass(frozen=True)
class Encoded:
    """The slices of the query that some organ looks at."""

    features: torch.Tensor
    """(n, D, h, w)."""
    pixels: torch.Tensor
    """(n, h·w, D), unit."""
    row: Mapping[int, int]
    """Prepared slice → row."""

    def rows(self, slices: Iterable[int]) -> list[int]:
        return [self.row[int(z)] for z in slices]


class PrototypeSegmenter(PretextBase[CoWProParams]):
    """`sagittal.method.Segmenter` by prototypes; a subclass trains the network."""

    def __init__(self, params: CoWProParams, context: Context) -> None:
        super().__init__(params, context)
        self._memory: Memory | None = None

    @torch.no_grad()
    def segment(
        self,
        module: torch.nn.Module,
        supports: Sequence[Support],
        query: ScanData,
        *,
        ranges: Mapping[str, tuple[int, int]] | None = None,
        quadrants: Mapping[str, Any] | None = None,
    ) -> Prediction:
        """Segments `query`; see the module's description for the two protocols.

        `quadrants` (published only): label → bool (2, 2), left/right by back/front half of the scan's grid; a label
        is removed from the quadrants that are False. Confidence of a slice is the mean of 2p − 1 over its foreground
        pixels, p the foreground's probability; zero where it was looked at and nothing was found.
        """
        if quadrants is not None and ranges is None:
            raise ValueError("quadrants come from the query's truth, so they need the published protocol (ranges).")
        training = module.training
        module.eval()
        try:
            known = self._remembered(module, supports)
            prepared = self._prepare(query)
            return self._segment(module, known, prepared, ranges, quadrants)
        finally:
            module.train(training)

    def _prepare(self, scan: ScanData) -> Prepared:
        self.context.boundary()
        return rules.preparation(self.params).prepare(scan)

    def _remembered(self, module: torch.nn.Module, supports: Sequence[Support]) -> Memory:
        """The supports, prepared and encoded; computed only where they or the network are others than last time."""
        if self._memory is None or not self._memory.serves(module, supports):
            scans = {support.scan.id: support.scan for support in supports}
            prepared = {name: self._prepare(scan) for name, scan in scans.items()}
            organs = self._organs(module, supports, prepared)
            self._memory = Memory(tuple(supports), weakref.ref(module), _stamp(module), prepared, organs)
        return self._memory

    def _encode(self, module: torch.nn.Module, slices: Array) -> torch.Tensor:
        """Features (n, D, h, w) of prepared slices (n, H, W)."""
        parts = []
        for start in range(0, len(slices), ENCODED_AT_ONCE):
            self.context.boundary()
            part = torch.from_numpy(np.ascontiguousarray(slices[start : start + ENCODED_AT_ONCE])).unsqueeze(1)
            parts.append(module(part.to(self.context.device)).float())
        return torch.cat(parts)

    def _organs(
        self, module: torch.nn.Module, supports: Sequence[Support], scans: Mapping[str, Prepared]
    ) -> dict[str, Organ]:
        """Every label with the slices on which it was painted; each support slice is encoded once."""
        wanted: dict[tuple[str, int], Array] = {}
        for support in supports:
            images = scans[support.scan.id].native_slices(support.scan, support.slices)
            wanted.update({(support.scan.id, z): image for z, image in zip(support.slices, images, strict=True)})
        if not wanted:
            raise ValueError("segmenting needs at least one support with at least one slice; got none.")
        encoded = dict(zip(wanted, self._encode(module, np.stack(list(wanted.values()))), strict=True))
        organs: dict[str, Organ] = {}
        for support in supports:
            for label, mask in support.masks.items():
                prepared, size = scans[support.scan.id], next(iter(encoded.values())).shape[1:]
                shares = torch.from_numpy(prepared.native_masks(mask, support.slices)).unsqueeze(1)
                shares = fitted(shares.to(self.context.device), (size[0], size[1]))
                painted = [i for i in range(len(support.slices)) if shares[i].sum() > 0]
                if not painted:
                    raise ValueError(
                        f"Label '{label}' is painted on none of the support slices {support.slices} of scan "
                        f"{support.scan.id}; paint it there or choose slices that hold it."
                    )
                slices = tuple(support.slices[i] for i in painted)
                organs[label] = Organ(
                    support.scan,
                    slices,
                    shares[painted],
                    support.ranges.get(label, implied_range(slices)),
                    torch.stack([encoded[support.scan.id, z] for z in slices]),
                )
        return organs

    def _segment(
        self,
        module: torch.nn.Module,
        known: Memory,
        prepared: Prepared,
        ranges: Mapping[str, tuple[int, int]] | None,
        quadrants: Mapping[str, Any] | None,
    ) -> Prediction:
        rule, organs = rules.score_rule(self.params, self.params.test_window), known.organs
        plans, places = dict[str, Array](), dict[str, Place]()
        for label, organ in organs.items():
            self.context.boundary()
            if ranges is None:
                places[label] = _place(organ, known.scans[organ.scan.id], prepared)
                plans[label] = deployed_plan(places[label], len(prepared.slices), len(organ.slices))
            elif label in ranges:
                plans[label] = published_plan(prepared.frame.z, *ranges[label], len(organ.slices))
        encoded = self._encode_needed(module, prepared, plans.values(), rule)
        masks, confidence = {}, {}
        for label, organ in organs.items():
            self.context.boundary()
            plan = plans.get(label, np.full(len(prepared.slices), NOT_LOOKED_AT))
            cells = _cell_margins(organ, plan, encoded, rule)
            if ranges is None:
                cells = _held(cells, organ, plan, places[label], encoded, rule)
            masks[label], confidence[label] = _to_scan(cells, plan != NOT_LOOKED_AT, prepared, -rule.scale)
            if ranges is None:
                masks[label] = largest_component(masks[label])
            elif label in ranges:
                first, last = ranges[label]
                masks[label][:, :, :first] = False
                masks[label][:, :, last + 1 :] = False
            if quadrants is not None and label in quadrants:
                _keep_quadrants(masks[label], np.asarray(quadrants[label], dtype=bool))
        return Prediction(masks, confidence)

    def _encode_needed(
        self, module: torch.nn.Module, prepared: Prepared, plans: Iterable[Array], rule: ScoreRule
    ) -> Encoded:
        """Encodes, once, every slice that some organ looks at; one slice at least, so that shapes are known."""
        needed = sorted({int(z) for plan in plans for z in np.flatnonzero(plan != NOT_LOOKED_AT)}) or [0]
        features = self._encode(module, prepared.slices[needed])
        pixels = unit(features.flatten(2).transpose(1, 2), center=rule.center)
        return Encoded(features, pixels, {z: row for row, z in enumerate(needed)})


def _place(organ: Organ, support: Prepared, query: Prepared) -> Place:
    """Where the organ is expected in the query; the painted masks laid over each other are its outline."""
    outline = F.adaptive_avg_pool2d(organ.masks, CELLS).amax((0, 1)).cpu().numpy() > 0
    first, last = support.frame.z.cells(organ.ends)
    return locate(query.slices, support.slices, outline, float(first), float(last))


def _cell_margins(organ: Organ, plan: Array, encoded: Encoded, rule: ScoreRule) -> torch.Tensor:
    """Margins (slices, h, w) of the query's cells, each slice from the support the plan gives it; −scale elsewhere."""
    height, width = encoded.features.shape[2:]
    cells = encoded.features.new_full((len(plan), height, width), -rule.scale)
    for k in range(len(organ.slices)):
        chosen = np.flatnonzero(plan == k)
        if len(chosen):
            pixels = encoded.pixels[encoded.rows(chosen)]
            found = margins_of_pixels(organ.features[k : k + 1], organ.masks[k : k + 1], pixels, rule)
            cells[chosen] = found.view(-1, height, width)
    return cells


def _held(
    cells: torch.Tensor, organ: Organ, plan: Array, place: Place, encoded: Encoded, rule: ScoreRule
) -> torch.Tensor:
    """Margins with what lies outside the organ's neighbourhood, and slices that do not hold it, set to −scale."""
    size = (cells.shape[1], cells.shape[2])
    near = F.interpolate(torch.from_numpy(place.near).float().unsqueeze(1), size=size).squeeze(1).to(cells.device)
    cells = torch.where(near > 0, cells, torch.full_like(cells, -rule.scale))
    looked_at = np.flatnonzero(plan != NOT_LOOKED_AT)
    evidence = np.full(len(plan), np.nan)
    if len(looked_at):
        predicted = (cells[looked_at] > 0).to(cells.dtype).unsqueeze(1)
        serving = torch.from_numpy(plan[looked_at]).to(cells.device)
        back = margins(encoded.features[encoded.rows(looked_at)], predicted, organ.features[serving], rule) > 0
        own = organ.masks[serving] > 0.5
        both = (back & own).sum((1, 2, 3)).double()
        returned = 2 * both / (back.sum((1, 2, 3)) + own.sum((1, 2, 3))).clamp_min(1)
        evidence[looked_at] = torch.where(predicted.sum((1, 2, 3)) > 0, returned, 0.0).cpu().numpy()
    run = held_run(evidence, NEEDED_RETURN)
    rejected = np.ones(len(plan), dtype=bool)
    if run is not None:
        rejected[run[0] : run[1] + 1] = False
    cells[rejected] = -rule.scale
    return cells


def _to_scan(cells: torch.Tensor, looked_at: Array, prepared: Prepared, nothing: float) -> tuple[Array, Array]:
    """Cell margins on the scan's own grid: mask bool (X, Y, Z) and confidence per slice (NaN where not looked at)."""
    size = (prepared.slices.shape[1], prepared.slices.shape[2])
    margin = enlarged(cells.unsqueeze(0), size)[0].cpu().numpy()
    frame = prepared.frame
    mask = np.zeros((frame.x.length, frame.y.length, frame.z.length), dtype=bool)
    nearest = np.clip(np.round(frame.z.cells()).astype(int), 0, len(looked_at) - 1)
    seen = looked_at[nearest]
    confidence = np.full(frame.z.length, np.nan)
    for z in np.flatnonzero(seen):
        own = frame.backward(margin, nothing, np.array([z]))[:, :, 0]
        mask[:, :, z] = own > 0
        front = own[own > 0]
        confidence[z] = float(np.tanh(front / 2).mean()) if front.size else 0.0
    return mask, confidence


def largest_component(mask: Array) -> Array:
    """The largest 3D component of a mask (voxels that share a face); an empty mask as it is."""
    regions, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(regions.ravel())
    sizes[0] = 0
    largest: Array = regions == sizes.argmax()
    return largest


def _keep_quadrants(mask: Array, kept: Array) -> None:
    """Empties, in place, the quadrants of the axial plane that are not kept."""
    if kept.shape != (2, 2):
        raise ValueError(
            f"quadrants of a label must be bool (2, 2): halves of X by halves of Y; got shape {kept.shape}."
        )
    halves = [(slice(0, n // 2), slice(n // 2, n)) for n in mask.shape[:2]]
    for i, x in enumerate(halves[0]):
        for j, y in enumerate(halves[1]):
            if not kept[i, j]:
                mask[x, y] = False
