"""Where a contrastive method's images come from, which subjects are kept from training, and what a batch takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import psutil
import torch
from torch import Tensor

from sagittal.engine_port import SagittalError
from sagittal.method import Context, ScanData
from sagittal_engine.kit.benchmark_images import is_published, long_tailed, read_images
from sagittal_engine.kit.contrast_params import FLIPS, PATCH, ContrastiveParams
from sagittal_engine.kit.guess_params import OTHER_PLANES, PLANE_META, of_plane
from sagittal_engine.kit.images import ImageSet
from sagittal_engine.kit.jigsaw_views import apply_jigsaw, draw_jigsaw, jigsaw_rules
from sagittal_engine.kit.patches import patches_of
from sagittal_engine.kit.sampling import Sampler
from sagittal_engine.kit.slices import NORMALISATION, slices_of
from sagittal_engine.views.batch_views import GREY, SIMCLR, ViewRules, apply_views, draw_views
from sagittal_engine.views.cell_views import CellRules
from sagittal_engine.views.volume_views import (
    GREY_VOLUME,
    SIMCLR_VOLUME,
    VolumeRules,
    apply_volume_views,
    draw_volume_views,
)

R = TypeVar("R", ViewRules, VolumeRules, CellRules)


@dataclass(frozen=True)
class Views:
    """How views of images are drawn and made."""

    rules: Any
    """`ViewRules` of slices, `VolumeRules` of 3D patches, `CellRules` of puzzles."""
    draw: Callable[[int, int, Any, torch.Generator], Any]
    """(count, size, rules, generator): the draws of so many views of `size` pixels a side."""
    apply: Callable[[Tensor, Any], Tensor]


def views_of(params: ContrastiveParams) -> Views:
    """Views of slices or of patches, by the list that `augmentation` names, with every strength that was set.

    Raises `SagittalError` where two of them contradict each other.
    """
    if params.augmentation == "jigsaw":
        return Views(_with_strengths(jigsaw_rules(params.image_size), params), draw_jigsaw, apply_jigsaw)
    if params.plane != PATCH:
        return Views(view_rules(params), draw_views, apply_views)
    base = GREY_VOLUME if params.augmentation == "grey" else SIMCLR_VOLUME
    return Views(
        _with_strengths(replace(base, flip_axes=FLIPS[params.patch_flips]), params), draw_volume_views,
        apply_volume_views,
    )  # fmt: skip


def view_rules(params: ContrastiveParams) -> ViewRules:
    """The list for slices that `augmentation` names, with every strength that was set in its place.

    Raises `SagittalError` where two of them contradict each other.
    """
    return _with_strengths(GREY if params.augmentation == "grey" else SIMCLR, params)


def _with_strengths(rules: R, params: ContrastiveParams) -> R:
    chosen = {rule.name: getattr(params, rule.name, None) for rule in fields(rules)}
    given = {name: value for name, value in chosen.items() if value is not None}
    try:
        return replace(rules, **given)
    except ValueError as error:
        raise SagittalError(f"The views cannot be made: {error}") from error


class ImageSource:
    """Reads images as the parameters say."""

    normalisation = NORMALISATION

    def __init__(self, params: ContrastiveParams, context: Context) -> None:
        self._params, self._context = params, context

    def images(self, scans: Sequence[ScanData], *, masks: bool = False) -> ImageSet:
        """The slices, of those scans that are of the plane, or 3D patches of scans, cached in the study.

        Raises `SagittalError` where no scan is of the plane, where `masks` of patches are asked for, and where patches
        would not fit into memory.
        """
        p = self._params
        if p.plane == PATCH:
            return self._patches(scans, masks)
        own = [scan for scan in scans if of_plane(scan.meta.get(PLANE_META, ""), p.plane)]
        if scans and not own:
            raise SagittalError(OTHER_PLANES.format(count=len(scans), plane=p.plane))
        return slices_of(
            own, plane=p.plane, size=p.image_size, channels=int(p.channels), masks=masks, context=self._context
        )

    def _patches(self, scans: Sequence[ScanData], masks: bool) -> ImageSet:
        p = self._params
        if masks:
            raise SagittalError(
                "The run learned from 3D patches, and the labels of single pixels are read from slices alone. Choose "
                "another target, such as labels or position, or train with 'plane' axial."
            )
        # Whole, and once more while subjects are set aside.
        needed = 2 * 4 * len(scans) * p.patches_per_scan * p.image_size**3
        free = psutil.virtual_memory().available
        if needed > free:
            raise SagittalError(
                f"{p.patches_per_scan} patches of {p.image_size} voxels a side of each of {len(scans)} scans take "
                f"{needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB of memory are free. Lower 'patches_per_scan' or "
                "'image_size', or choose fewer scans."
            )
        return patches_of(
            scans, side=p.image_size, spacing=p.patch_spacing, count=p.patches_per_scan, seed=p.patch_seed,
            context=self._context,
        )  # fmt: skip

    def split(self) -> tuple[ImageSet, ImageSet]:
        """The images to train on, and those of the subjects kept for live measures.

        Raises `SagittalError` where there are fewer than two images, where one has values that are no numbers, and
        where nobody can be held out.
        """
        p = self._params
        images = self._published() if p.data else self.images(self._context.scans)
        self._check(images)
        if p.data and is_published(p.data):
            training, held_out = self._published_test(images)
        else:
            training, held_out = held_apart(images, p.held_out, self._context.seed)
        if len(training) < 2:
            raise SagittalError(
                f"There are {len(training)} images to train on, and learning from views compares at least two. "
                "Choose more scans or another 'plane'."
            )
        if len(training) < p.batch_size:
            self._context.message(
                "warning",
                f"There are only {len(training)} images to train on, so each batch holds {len(training)} in place of "
                f"{p.batch_size}. Lower 'batch_size' or add scans.",
            )
        return training, held_out

    def _published(self) -> ImageSet:
        p = self._params
        images = read_images(p.data, size=p.image_size, channels=int(p.channels), split=p.split)
        return images if p.long_tail == 1 else long_tailed(images, ratio=p.long_tail)

    def _published_test(self, images: ImageSet) -> tuple[ImageSet, ImageSet]:
        """All of a published set's training images, and its test images for live measures."""
        p = self._params
        if not p.held_out:
            return images, images.take([])
        return images, read_images(p.data, size=p.image_size, channels=int(p.channels), split="test")

    def _check(self, images: ImageSet) -> None:
        finite = torch.isfinite(images.images).flatten(1).all(1)
        if not bool(finite.all()):
            wrong = (~finite).nonzero().flatten().tolist()
            raise SagittalError(
                f"{len(wrong)} of {len(images)} images hold values that are no numbers (NaN or infinite); the first is "
                f"slice {images.slices[wrong[0]]} of scan {images.scans[wrong[0]]}. Leave that scan out or mend it."
            )


def held_apart(images: ImageSet, share: float, seed: int) -> tuple[ImageSet, ImageSet]:
    """The images to train on, and those of a `share` of the subjects, as the run's seed shuffles them.

    Raises `SagittalError` where nobody can be held out.
    """
    subjects = sorted(set(images.subjects))
    if not share:
        return images, images.take([])
    if len(subjects) < 2:
        raise SagittalError(
            f"All {len(images)} images are of one subject, so none can be held out for live measures. "
            "Set 'held_out' to 0, or add scans of other subjects."
        )
    order = torch.randperm(len(subjects), generator=torch.Generator().manual_seed(seed)).tolist()
    count = min(max(1, round(share * len(subjects))), len(subjects) - 1)
    kept = {subjects[place] for place in order[:count]}
    return (
        images.take([n for n, subject in enumerate(images.subjects) if subject not in kept]),
        images.take([n for n, subject in enumerate(images.subjects) if subject in kept]),
    )


def sampler_of(images: ImageSet, params: ContrastiveParams, seed: int) -> Sampler:
    """What each step takes of `images`: epochs without repetition, or `subjects_per_batch` subjects at a time.

    Raises `SagittalError` where the subjects of a batch have no two images between them.
    """
    rows: dict[str, list[int]] = {}
    for index, subject in enumerate(images.subjects):
        rows.setdefault(subject, []).append(index)
    own = [rows[subject] for subject in sorted(rows)]
    try:
        return Sampler(len(images), params.batch_size, seed, rows=own, subjects_per_batch=params.subjects_per_batch)
    except ValueError as error:
        raise SagittalError(f"Batches cannot be made: {error}") from error
