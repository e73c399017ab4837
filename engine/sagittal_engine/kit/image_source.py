"""Where a contrastive method's images come from, which subjects are kept from training, and what a batch takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import torch
from torch import Tensor

from sagittal.engine_port import SagittalError
from sagittal.method import Context, ScanData
from sagittal_engine.kit.benchmark_images import read_images
from sagittal_engine.kit.contrast_params import ContrastiveParams
from sagittal_engine.kit.images import ImageSet
from sagittal_engine.kit.slices import slices_of
from sagittal_engine.views.batch_views import GREY, SIMCLR, ViewRules

NORMALISATION = "percentiles 0.5 and 99.5 of each scan to 0 and 1; 2D pictures from their range to 0…1"


def view_rules(params: ContrastiveParams) -> ViewRules:
    """The list that `augmentation` names, with every strength that was set in its place.

    Raises `SagittalError` where two of them contradict each other.
    """
    chosen = {rule.name: getattr(params, rule.name, None) for rule in fields(ViewRules)}
    given = {name: value for name, value in chosen.items() if value is not None}
    try:
        return replace(GREY if params.augmentation == "grey" else SIMCLR, **given)
    except ValueError as error:
        raise SagittalError(f"The views cannot be made: {error}") from error


class ImageSource:
    """Reads images as the parameters say."""

    def __init__(self, params: ContrastiveParams, context: Context) -> None:
        self._params, self._context = params, context

    def slices(self, scans: Sequence[ScanData], *, masks: bool = False) -> ImageSet:
        """The slices of scans, cached in the study."""
        p = self._params
        return slices_of(
            scans, plane=p.plane, size=p.image_size, channels=int(p.channels), masks=masks, context=self._context
        )

    def split(self) -> tuple[ImageSet, ImageSet]:
        """The images to train on, and those of the subjects kept for live measures.

        Raises `SagittalError` where there are fewer than two images, where one has values that are no numbers, and
        where nobody can be held out.
        """
        p = self._params
        images = read_images(p.data, size=p.image_size, channels=int(p.channels)) if p.data else None
        if images is None:
            images = self.slices(self._context.scans)
        self._check(images)
        training, held_out = self._divided(images)
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

    def _check(self, images: ImageSet) -> None:
        finite = torch.isfinite(images.images).flatten(1).all(1)
        if not bool(finite.all()):
            wrong = (~finite).nonzero().flatten().tolist()
            raise SagittalError(
                f"{len(wrong)} of {len(images)} images hold values that are no numbers (NaN or infinite); the first is "
                f"slice {images.slices[wrong[0]]} of scan {images.scans[wrong[0]]}. Leave that scan out or mend it."
            )

    def _divided(self, images: ImageSet) -> tuple[ImageSet, ImageSet]:
        """By subject, as the run's seed shuffles them."""
        share = self._params.held_out
        subjects = sorted(set(images.subjects))
        if not share:
            return images, images.take([])
        if len(subjects) < 2:
            raise SagittalError(
                f"All {len(images)} images are of one subject, so none can be held out for live measures. "
                "Set 'held_out' to 0, or add scans of other subjects."
            )
        order = torch.randperm(len(subjects), generator=torch.Generator().manual_seed(self._context.seed)).tolist()
        count = min(max(1, round(share * len(subjects))), len(subjects) - 1)
        kept = {subjects[place] for place in order[:count]}
        return (
            images.take([n for n, subject in enumerate(images.subjects) if subject not in kept]),
            images.take([n for n, subject in enumerate(images.subjects) if subject in kept]),
        )


def rows_by_subject(images: ImageSet) -> list[list[int]]:
    """The indices of each subject's images, subjects sorted by name."""
    rows: dict[str, list[int]] = {}
    for index, subject in enumerate(images.subjects):
        rows.setdefault(subject, []).append(index)
    return [rows[subject] for subject in sorted(rows)]


def choose(count: int, rows: Sequence[Sequence[int]], params: ContrastiveParams, generator: torch.Generator) -> Tensor:
    """Indices of a batch's images, all different: of `count`, or of `subjects_per_batch` of the subjects in `rows`.

    A subject-aware batch takes images of its subjects in turn, so that each gives as many as it can.
    """
    if not rows:
        return torch.randperm(count, generator=generator)[: params.batch_size]
    subjects = torch.randperm(len(rows), generator=generator)[: params.subjects_per_batch].tolist()
    shuffled = [
        [rows[subject][place] for place in torch.randperm(len(rows[subject]), generator=generator).tolist()]
        for subject in subjects
    ]
    longest = max(map(len, shuffled))
    in_turn = [images[turn] for turn in range(longest) for images in shuffled if turn < len(images)]
    if len(in_turn) < 2:
        return torch.randperm(count, generator=generator)[: params.batch_size]
    return torch.tensor(in_turn[: params.batch_size])
