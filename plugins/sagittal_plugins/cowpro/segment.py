"""Segmenting scans from support slices: each slice of the query is encoded once, for all organs.

Published protocol (`ranges` given): only slices in the query's true range are segmented, each from the support slice
of its chunk. Deployed (`ranges` None): nothing of the query's truth is used. `placement.locate` finds each organ's
range and neighbourhood from the looks of the two scans; a slice is rejected unless its predicted mask, taken as
support in turn, finds the support's own mask again (CCR's idea, used as a test); the largest 3D component is kept.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sagittal.method import Context, Prediction, ScanData, Support
from sagittal_engine.kit.pretext import PretextBase
from sagittal_engine.nets.inference import for_inference
from sagittal_plugins.cowpro import CoWProParams, rules
from sagittal_plugins.cowpro.masks import keep_quadrants, largest_component, to_scan
from sagittal_plugins.cowpro.placement import (
    CELLS,
    NOT_LOOKED_AT,
    Place,
    deployed_plan,
    held_run,
    locate,
    published_plan,
)
from sagittal_plugins.cowpro.scoring import ScoreRule, bank, bank_margins, unit_pixels
from sagittal_plugins.cowpro.supports import Memory, Organ, read_supports, stamp
from sagittal_plugins.cowpro.volume import Prepared

Array = np.ndarray[Any, Any]

ENCODED_AT_ONCE = 4
"""Slices per forward pass on a processor: more would leave its cache between one layer and the next."""

ENCODED_AT_ONCE_ON_GPU = 16

NEEDED_RETURN = 0.2
"""Dice with the support's mask that a slice's prediction must find again when the roles are exchanged."""


class PrototypeSegmenter(PretextBase[CoWProParams]):
    """`sagittal.method.Segmenter` by prototypes; a subclass trains the network."""

    def __init__(self, params: CoWProParams, context: Context) -> None:
        super().__init__(params, context)
        self._memory: Memory | None = None

    @torch.inference_mode()
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
        rule = rules.score_rule(self.params, self.params.test_window)
        known = self._remembered(module, supports, rule)
        prepared = self._prepare(query)
        plans, places = dict[str, Array](), dict[str, Place]()
        for label, organ in known.organs.items():
            self.context.boundary()
            plans[label] = np.full(len(prepared.slices), NOT_LOOKED_AT)
            if ranges is None:
                places[label] = _place(organ, known.scans[organ.scan], prepared)
                plans[label] = deployed_plan(places[label], len(prepared.slices), len(organ.slices))
            elif label in ranges:
                plans[label] = published_plan(prepared.frame.z, *ranges[label], len(organ.slices))
        cells, features = self._margins(known, prepared, plans, rule, keep_features=ranges is None)
        masks, confidence, entropy = dict[str, Array](), dict[str, Array](), dict[str, Array]()
        for label in known.organs:
            self.context.boundary()
            found, plan = cells[label], plans[label]
            if ranges is None:
                found = _held(found, label, plan, places[label], features, known, rule)
            looked_at = plan != NOT_LOOKED_AT
            on_scan = to_scan(found.cpu().numpy(), looked_at, prepared.frame, -rule.scale)
            mask, confidence[label], entropy[label] = on_scan
            if ranges is None:
                mask = largest_component(mask)
            elif label in ranges:
                first, last = ranges[label]
                mask[:, :, :first] = False
                mask[:, :, last + 1 :] = False
            if quadrants is not None and label in quadrants:
                keep_quadrants(mask, np.asarray(quadrants[label], dtype=bool))
            masks[label] = mask
        return Prediction(masks, confidence, entropy)

    def _prepare(self, scan: ScanData) -> Prepared:
        self.context.boundary()
        return rules.preparation(self.params).prepare(scan)

    def _remembered(self, module: torch.nn.Module, supports: Sequence[Support], rule: ScoreRule) -> Memory:
        """The supports, prepared and encoded; computed only where they or the network are others than last time."""
        if self._memory is None or not self._memory.serves(module, supports):
            network = for_inference(module)
            scans = {support.scan.id: support.scan for support in supports}
            prepared = {name: self._prepare(scan) for name, scan in scans.items()}

            def encode(slices: Array) -> torch.Tensor:
                parts = np.array_split(slices, range(self._at_once(), len(slices), self._at_once()))
                return torch.cat([self._encode(network, part) for part in parts])

            organs, painted = read_supports(supports, prepared, encode, rule)
            reference = weakref.ref(module)
            self._memory = Memory(tuple(supports), reference, stamp(module), network, prepared, organs, painted)
        return self._memory

    def _at_once(self) -> int:
        return ENCODED_AT_ONCE if self.context.device.type == "cpu" else ENCODED_AT_ONCE_ON_GPU

    def _encode(self, network: torch.nn.Module, slices: Array) -> torch.Tensor:
        """Features (n, D, h, w) of prepared slices (n, H, W), in one pass."""
        self.context.boundary()
        images = torch.from_numpy(np.ascontiguousarray(slices)).unsqueeze(1).to(self.context.device)
        features: torch.Tensor = network(images).float()
        return features

    def _margins(
        self,
        known: Memory,
        prepared: Prepared,
        plans: Mapping[str, Array],
        rule: ScoreRule,
        *,
        keep_features: bool,
    ) -> tuple[dict[str, torch.Tensor], dict[int, torch.Tensor]]:
        """Margins of each label (slices, h, w), −scale where its plan does not look; features (D, h, w) if kept.

        A slice is encoded once for all labels, and compared once with each support slice, whatever is painted there.
        """
        looking = defaultdict[int, dict[tuple[str, int], list[str]]](dict)
        cells: dict[str, torch.Tensor] = {}
        for label, organ in known.organs.items():
            cells[label] = organ.masks.new_full((len(prepared.slices), *organ.masks.shape[2:]), -rule.scale)
            for z, k in enumerate(plans[label].tolist()):
                if k != NOT_LOOKED_AT:
                    looking[z].setdefault((organ.scan, organ.slices[k]), []).append(label)
        features, needed = dict[int, torch.Tensor](), sorted(looking)
        for start in range(0, len(needed), self._at_once()):
            batch = needed[start : start + self._at_once()]
            encoded = self._encode(known.network, prepared.slices[batch])
            if keep_features:
                features.update(zip(batch, encoded, strict=True))
            for z, pixels in zip(batch, unit_pixels(encoded, rule), strict=True):
                for place, labels in looking[z].items():
                    painted = known.painted[place]
                    found = bank_margins(pixels, painted.bank, rule)
                    for label in labels:
                        cells[label][z] = found[painted.labels.index(label)].view(encoded.shape[2:])
        return cells, features


def _place(organ: Organ, support: Prepared, query: Prepared) -> Place:
    """Where the organ is expected in the query; the painted masks laid over each other are its outline."""
    outline = F.adaptive_avg_pool2d(organ.masks, CELLS).amax((0, 1)).cpu().numpy() > 0
    first, last = support.frame.z.cells(organ.ends)
    return locate(query.slices, support.slices, outline, float(first), float(last))


def _held(
    cells: torch.Tensor,
    label: str,
    plan: Array,
    place: Place,
    features: Mapping[int, torch.Tensor],
    known: Memory,
    rule: ScoreRule,
) -> torch.Tensor:
    """Margins with what lies outside the organ's neighbourhood, and slices that do not hold it, set to −scale."""
    size = (cells.shape[1], cells.shape[2])
    near = F.interpolate(torch.from_numpy(place.near).float().unsqueeze(1), size=size).squeeze(1).to(cells.device)
    cells = torch.where(near > 0, cells, torch.full_like(cells, -rule.scale))
    organ, evidence = known.organs[label], np.full(len(plan), np.nan)
    for z in np.flatnonzero(plan != NOT_LOOKED_AT):
        predicted = cells[z] > 0
        evidence[z] = 0.0
        if predicted.any():
            own = organ.masks[plan[z], 0] > 0.5
            pixels = known.painted[organ.scan, organ.slices[plan[z]]].pixels
            exchanged = bank(features[int(z)], predicted.to(cells.dtype).unsqueeze(0), rule)
            back = bank_margins(pixels, exchanged, rule).view(own.shape) > 0
            evidence[z] = 2 * int((back & own).sum()) / max(int(back.sum()) + int(own.sum()), 1)
    run = held_run(evidence, NEEDED_RETURN)
    rejected = np.ones(len(plan), dtype=bool)
    if run is not None:
        rejected[run[0] : run[1] + 1] = False
    cells[rejected] = -rule.scale
    return cells
