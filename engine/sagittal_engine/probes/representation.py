"""Live geometry and live k-NN: what a loss does to the representation while it trains.

Both look at the same images with the same views at every moment of a run, so that their curves tell of the network
alone. Networks are in evaluation mode, but for batch normalisation under geometry: what the loss compares is made with
the statistics of the batch, and before the first steps running ones would make all projections equal.
"""

from __future__ import annotations

from typing import Any

import torch

from sagittal.engine_port import SagittalError
from sagittal_engine.evaluate.knn import knn_scores
from sagittal_engine.kit.images import ImageSet
from sagittal_engine.prefetch import seed_of
from sagittal_engine.probes import geometry
from sagittal_engine.probes.encoding import AT_ONCE, encode, of_whom, some_of, target_of
from sagittal_engine.probes.probe import PROBE, Findings, Moment
from sagittal_engine.probes.representation_cards import GeometryParams, KnnParams

BINS = 80
"""Of the similarity histograms, over cosines from −1 to 1."""

CHOICE, VIEWS = 1 << 20, (1 << 20) + 1
"""Draws of a run that no batch of a probe makes: which images are looked at, and their views."""


def own_target(moment: Moment, target: str) -> str:
    """`target`, or where it is empty what the method takes as the class of an image."""
    return target or str(getattr(moment.params, "label_target", "")) or "labels"


def chosen_images(moment: Moment, images_of: str, most: int) -> ImageSet:
    """The images of the training or of the held-out subjects, the same at every moment of a run.

    Raises `SagittalError` where there are none.
    """
    found: ImageSet = moment.method.training_set() if images_of == "training" else moment.method.held_out_set()
    if len(found) == 0:
        raise SagittalError(
            "No subject is held out of this run, so none of their images can be measured; the run goes on without. "
            "Set 'held_out' above 0, or measure training images."
        )
    return some_of(found, most, seed_of(moment.seed, CHOICE, PROBE))


def even_share(count: int) -> int:
    """How many of `count` images go at once when they are shared evenly, at most `AT_ONCE` of them."""
    parts = -(-count // AT_ONCE)
    return -(-count // parts)


class Geometry:
    """Alignment, uniformity, tolerance, and histograms of cosines, between two steps."""

    name = "geometry"

    def __init__(self, params: GeometryParams) -> None:
        self.params = params

    def due(self, step: int, goal: int) -> bool:
        return step % self.params.every == 0 or step == goal

    def measure(self, moment: Moment) -> Findings:
        """Raises `SagittalError` where there are no images to look at."""
        p = self.params
        images = chosen_images(moment, p.images_of, p.images)
        generator = torch.Generator().manual_seed(seed_of(moment.seed, VIEWS, PROBE))
        call = moment.method.projections if p.space == "projections" else moment.method.features
        own = p.batch_norm == "batch" and len(images) > 1
        a, b = (
            encode(
                call, moment.module, view, moment.device, boundary=moment.boundary, batch_statistics=own,
                at_once=even_share(len(images)),
            ).double()
            for view in moment.method.view_pair(images.images, generator)
        )  # fmt: skip
        numbers = {
            "alignment": float(geometry.alignment(a, b)),
            "uniformity": float(geometry.uniformity(a)),
            "uniformity_all_pairs": float(geometry.uniformity(a, pairs="all")),
        }
        labels, lacking = self._labels(images, own_target(moment, p.target))
        if labels is not None:
            numbers |= _by_class(a[labels >= 0], labels[labels >= 0])
        edges = torch.linspace(-1, 1, BINS + 1, dtype=torch.float64).tolist()
        counts = geometry.similarity_counts(a, b, labels, edges=edges)
        about = f"{p.space} of {of_whom(images)} ({p.images_of}), {p.batch_norm} statistics"
        document: dict[str, Any] = {"edges": edges, "counts": counts, "about": about}
        if hasattr(moment.method, "similarity_curve"):
            document["curve"] = dict(moment.method.similarity_curve())
        notes = [("info", f"Geometry is measured on {about}.")]
        return Findings(numbers, {"similarity": document}, (*notes, *lacking))

    def _labels(self, images: ImageSet, target: str) -> tuple[torch.Tensor | None, list[tuple[str, str]]]:
        """Class per image, or None with the reason why there are no classes to compare."""
        try:
            names, labels = target_of(images, target)
        except SagittalError as error:
            return None, [("warning", f"Tolerance and the pairs by class are left out. {error}")]
        if len(names) < 2:
            found = f"is '{names[0]}' everywhere" if names else "is known of none of the images"
            text = (
                f"Tolerance and the pairs by class are left out: the target '{target}' {found}, and comparing classes "
                "takes two. Choose another target, or add labels."
            )
            return None, [("warning", text)]
        return labels, []


def _by_class(points: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """The numbers that need classes, of which there are at least two."""
    numbers = {
        "inter_class_uniformity": float(geometry.inter_class_uniformity(points, labels)),
        "tolerance_unconditional": float(geometry.tolerance(points, labels, kind="unconditional")),
        "tolerance_dystress": float(geometry.tolerance(points, labels, kind="dystress")),
    }
    if int(torch.bincount(labels).max()) > 1:
        numbers["tolerance"] = float(geometry.tolerance(points, labels))
    return numbers


class Knn:
    """Accuracy on held-out subjects by the nearest training images, in lightly's convention."""

    name = "knn"

    def __init__(self, params: KnnParams) -> None:
        self.params = params

    def due(self, step: int, goal: int) -> bool:
        return step % self.params.every == 0 or step == goal

    def measure(self, moment: Moment) -> Findings:
        """Raises `SagittalError` where nobody is held out, or classes are missing or one."""
        p = self.params
        target = own_target(moment, p.target)
        queries = _known(chosen_images(moment, "held-out", 0), target)
        bank = _known(chosen_images(moment, "training", p.bank), target)
        both = set(queries.subjects) & set(bank.subjects)
        assert not both, f"subjects on both sides of live k-NN: {sorted(both)}"
        names, index = target_of(bank, target)
        if len(names) < 2:
            raise SagittalError(
                f"Live k-NN is left out: the target '{target}' is '{names[0]}' in every training image, and telling "
                "classes apart takes two. Choose another target."
            )
        features = [
            encode(moment.method.features, moment.module, images.images, moment.device, boundary=moment.boundary)
            for images in (bank, queries)
        ]
        scores = knn_scores(features[0], index, features[1], k=p.k, temperature=p.temperature)
        truth = queries.targets[target]
        right = [names[guess] == name for guess, name in zip(scores.argmax(1).tolist(), truth, strict=True)]
        common = names[int(torch.bincount(index).argmax())]
        numbers = {
            "knn_accuracy": sum(right) / len(right),
            "knn_chance": sum(name == common for name in truth) / len(truth),
        }
        rule = f"k = {min(p.k, len(bank))}, t = {p.temperature:g}, target '{target}'"
        note = f"Live k-NN ({rule}): {of_whom(queries)} kept from training, by {of_whom(bank)} trained on."
        return Findings(numbers, notes=(("info", note),))


def _known(images: ImageSet, target: str) -> ImageSet:
    """The images whose class is known. Raises `SagittalError` where there are none."""
    _, index = target_of(images, target)
    known = (index >= 0).nonzero().flatten().tolist()
    if not known:
        raise SagittalError(
            f"Live k-NN is left out: the target '{target}' is known of none of the images. Add labels to the scans, or "
            "choose another target."
        )
    return images.take(known)
