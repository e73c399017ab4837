"""CoWPro as a method of Sagittal: prepares scans, draws episodes, gives the two losses, segments by prototypes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sagittal.engine_port import SagittalError
from sagittal.method import Context, Picture, ScanData
from sagittal_engine.nets.weights import load_weights
from sagittal_plugins.cowpro import CoWProParams, rules
from sagittal_plugins.cowpro.episodes import Episodes, TrainingSlice, draw_episodes
from sagittal_plugins.cowpro.explaining import ExplainsPrototypes
from sagittal_plugins.cowpro.loss import ccr_loss, episode_dice, weighted_cross_entropy
from sagittal_plugins.cowpro.network import PrototypeNetwork
from sagittal_plugins.cowpro.pictures import episode_picture
from sagittal_plugins.cowpro.scoring import enlarged, fitted, margins
from sagittal_plugins.cowpro.segment import PrototypeSegmenter
from sagittal_plugins.cowpro.superpixels import superpixels_of_scan

CACHE_VERSION = 2
"""Raised when preparation or superpixels change, so that what older programs cached is made anew."""


class _Absent(Exception):
    """Raised in place of making a cached file, to learn that it is not there."""


class CoWPro(PrototypeSegmenter, ExplainsPrototypes):
    """Superpixel episodes in training, support prototypes in use."""

    def __init__(self, params: CoWProParams, context: Context) -> None:
        super().__init__(params, context)
        self.slices: list[TrainingSlice] = []
        self._views = rules.view_range(params)
        self._rule = rules.score_rule(params, params.train_window)
        # CCR keeps the fixed threshold: its support mask is a prediction, which need not be full anywhere.
        self._ccr_rule = replace(self._rule, thresholds="fixed")
        self._dice: torch.Tensor | None = None

    # Preparation ------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Prepares every scan and its superpixels, on worker processes; both are cached per scan and parameters."""
        context, scans = self.context, self.context.scans
        images: list[Path] = []
        for done, scan in enumerate(scans):
            context.progress(done, len(scans), f"Preparing scan {done + 1} of {len(scans)}")
            images.append(context.cached(self._key("slices", scan), partial(self._save_slices, scan)))
        superpixels = self._superpixels()
        self.slices, bare = [], 0
        for scan, image, regions in zip(scans, images, superpixels, strict=True):
            context.boundary()
            found = self._training_slices(scan, np.load(image, mmap_mode="r"), np.load(regions, mmap_mode="r"))
            self.slices += found
            bare += not found
        advice = (
            "no superpixel is left inside the body. Set 'foreground' to triangle, lower 'superpixel_min_size', or "
            "exclude fewer labels."
        )
        if not self.slices:
            raise SagittalError(f"There is no slice to train on: {advice}")
        if bare:
            context.message("warning", f"{bare} of {len(scans)} scans give no slice to train on: {advice}")

    def _key(self, what: str, scan: ScanData) -> str:
        preparation = asdict(rules.preparation(self.params))
        if what == "superpixels":
            # They are made at full resolution whatever the network sees.
            preparation = {k: v for k, v in preparation.items() if k != "size"} | asdict(
                rules.superpixel_rule(self.params)
            )
        text = json.dumps([CACHE_VERSION, preparation], sort_keys=True)
        return f"cowpro-{what}-{scan.id}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.npy"

    def _save_slices(self, scan: ScanData, path: Path) -> None:
        _save(rules.preparation(self.params).prepare(scan).slices, path)

    def _superpixels(self) -> list[Path]:
        """The cached superpixels of every scan, those that are missing made first."""
        context, scans = self.context, self.context.scans
        missing = [scan for scan in scans if not self._is_cached("superpixels", scan)]
        rule = rules.superpixel_rule(self.params)

        def work() -> Iterator[tuple[np.ndarray[Any, Any], Any]]:
            for scan in missing:
                yield rules.preparation(self.params).intensities(scan)[0], rule

        for done, (scan, regions) in enumerate(
            zip(missing, context.map(superpixels_of_scan, work()), strict=True), start=1
        ):
            context.cached(self._key("superpixels", scan), partial(_save, regions))
            context.progress(done, len(missing), f"Superpixels of scan {done} of {len(missing)}")
        return [context.cached(self._key("superpixels", scan), _refuse) for scan in scans]

    def _is_cached(self, what: str, scan: ScanData) -> bool:
        try:
            self.context.cached(self._key(what, scan), _refuse)
        except _Absent:
            return False
        return True

    def _training_slices(self, scan: ScanData, images: Any, regions: Any) -> list[TrainingSlice]:
        excluded = self._excluded_slices(scan, len(images))
        counts = regions.reshape(len(regions), -1).max(1)
        return [
            TrainingSlice(images[z], regions[z], int(counts[z]))
            for z in range(len(images))
            if counts[z] > 0 and z not in excluded
        ]

    def _excluded_slices(self, scan: ScanData, count: int) -> set[int]:
        """Prepared slices that contain a label named in `exclude_labels` (Setting 2)."""
        names = {name.strip() for name in self.params.exclude_labels.split(",") if name.strip()}
        if not names:
            return set()
        frame = rules.preparation(self.params).frame(scan)
        classes = rules.preparation(self.params).classes(scan, frame)
        unknown = names - set(classes)
        if unknown:
            raise SagittalError(
                f"'exclude_labels' names {', '.join(sorted(unknown))}, which scan {scan.id} has no truth for; "
                f"it has {', '.join(sorted(classes)) or 'none'}."
            )
        return {z for z in range(count) if any(classes[name][z].any() for name in names)}

    # Training ---------------------------------------------------------------------------------------------------

    def module(self) -> torch.nn.Module:
        network = PrototypeNetwork(self.params.encoder)
        if self.params.weights:
            loaded = load_weights(network.encoder, self.params.weights)
            self.context.message("info", loaded.sentence(self.params.weights))
        return network

    def batch(self, step: int, generator: torch.Generator) -> Episodes:
        return draw_episodes(
            self.slices,
            self.params.batch_size,
            self.params.superpixels_per_slice,
            self._views,
            generator,
            query_only=self.params.query_only,
        )

    def objectives(self, module: torch.nn.Module, batch: Episodes) -> Mapping[str, torch.Tensor]:
        size = (batch.query_masks.shape[2], batch.query_masks.shape[3])
        # Similarities times twenty need more digits than sixteen bits have; only the network runs in them.
        support, query = module(torch.cat([batch.support, batch.query])).float().chunk(2)
        with torch.autocast(batch.query.device.type, enabled=False):
            masks = fitted(batch.support_masks, (support.shape[2], support.shape[3]))
            margin = margins(support, masks, query, self._rule)
            large = enlarged(margin, size)
            predicted = (margin.detach() > 0).to(margin.dtype)
            objectives = {"query_loss": weighted_cross_entropy(large, batch.query_masks, self.params.background_weight)}
            if self.params.ccr_weight > 0:
                ccr = ccr_loss(support, query, predicted, batch.support_masks, self._ccr_rule)
                objectives["ccr_loss"] = self.params.ccr_weight * ccr
        self._dice = episode_dice((large.detach() > 0).to(large.dtype), batch.query_masks)
        return objectives

    def metrics(self) -> Mapping[str, float]:
        return {} if self._dice is None else {"episode_dice": float(self._dice)}

    def pictures(self, module: torch.nn.Module, batch: Episodes) -> Sequence[Picture]:
        return [episode_picture(module, batch, self._rule)]

    def encoder_facts(self) -> Mapping[str, Any]:
        p = self.params
        return {
            "architecture": p.encoder,
            "image_size": p.image_size,
            "spacing": [p.pixel_mm * 256 / p.image_size, p.pixel_mm * 256 / p.image_size, p.slice_mm],
            "normalisation": f"brightest {p.clip_percent} % clipped, then z-score over the volume",
        }


def _save(array: np.ndarray[Any, Any], path: Path) -> None:
    # A file handle, because numpy adds ".npy" to names that lack it.
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def _refuse(path: Path) -> None:
    raise _Absent
