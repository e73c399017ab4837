"""What is read from features, and how right it is: classes, positions of slices, labels of pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from sagittal_engine.evaluate.image_params import PIXELS, POSITION, ImageTaskParams
from sagittal_engine.evaluate.knn import knn_scores, knn_votes
from sagittal_engine.evaluate.linear import fit_classes, fit_numbers, fit_pixels
from sagittal_engine.kit.images import ImageSet

LONG_TAILED = (1, 10)
"""Neighbours of the second k-NN convention, by plain vote."""

MAPS_AT_ONCE = 128
"""Images whose enlarged scores are held at once."""

MOST_LABELLED = 400
"""Labelled images that pixels are learnt from: an even choice of more adds much time and little else."""

BACKGROUND = "background"


@dataclass(frozen=True)
class Reading:
    """What is to be told of the images, and the truth of it."""

    pool: ImageSet
    test: ImageSet
    names: tuple[str, ...]
    """Class names (of pixels: background first); empty for positions."""
    labels: torch.Tensor
    """Of the pool: class (N,), position (N,), or class per pixel (N, H, W)."""
    truth: torch.Tensor
    """Of the tested images; a class that the pool lacks is −1 and never told."""

    def chance(self) -> float | None:
        """What needs no image: always the pool's most frequent class (share right), or its mean position (error)."""
        if self.labels.ndim > 1:
            return None
        if not self.names:
            return float((self.truth - self.labels.mean()).abs().mean())
        return float((self.truth == torch.bincount(self.labels).argmax()).double().mean())


def reading_of(target: str, pool: ImageSet, test: ImageSet) -> Reading:
    """The truth of `target`; images for which it is not known are left out.

    Raises ValueError where none is known on a side, only one class is, or there are no truth masks for pixels.
    """
    if target == POSITION:
        return Reading(pool, test, (), pool.position.double(), test.position.double())
    if target == PIXELS:
        return _pixels(pool, test)
    sides = []
    for images, role in ((pool, "labelled"), (test, "tested")):
        _, index = images.classes(target)
        known = images.take((index >= 0).nonzero().flatten().tolist())
        if len(known) == 0:
            raise ValueError(
                f"the target '{target}' is known of none of the images to be {role}. Add labels or meta labels to the "
                "scans, or choose another target."
            )
        sides.append(known)
    names, labels = sides[0].classes(target)
    if len(names) < 2:
        raise ValueError(
            f"the target '{target}' is '{names[0]}' in every image that may be labelled, and telling classes apart "
            "takes two. Choose another target."
        )
    place = {name: number for number, name in enumerate(names)}
    truth = torch.tensor([place.get(name, -1) for name in sides[1].targets[target]])
    return Reading(sides[0], sides[1], names, labels, truth)


def _pixels(pool: ImageSet, test: ImageSet) -> Reading:
    names = tuple(sorted(set(pool.masks) & set(test.masks)))
    if not names:
        raise ValueError("the scans have no truth masks to segment by. Import label maps, or choose another target.")
    return Reading(pool, test, (BACKGROUND, *names), _classes_of(pool, names), _classes_of(test, names))


def _classes_of(images: ImageSet, names: Sequence[str]) -> torch.Tensor:
    """int64 (N, H, W): 0 background, else the number of the label; of overlapping labels the last by name."""
    found = torch.zeros(len(images), *images.images.shape[2:], dtype=torch.int64)
    for number, name in enumerate(names, start=1):
        found[images.masks[name]] = number
    return found


@dataclass(frozen=True)
class Guess:
    """What was told of every tested image, with the truth beside it."""

    classes: Mapping[str, torch.Tensor] = field(default_factory=dict)
    """Figure → class (N,)."""
    positions: torch.Tensor | None = None
    """(N,)"""
    overlaps: Mapping[str, torch.Tensor] = field(default_factory=dict)
    """Label → int64 (N, 3): pixels of prediction, truth and both."""
    truth: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    names: tuple[str, ...] = ()

    def figures(self, rows: Sequence[int]) -> dict[str, float | None]:
        """The figures over these images of one subject; None where there is nothing to measure."""
        found: dict[str, float | None] = {
            name: float((guess[rows] == self.truth[rows]).double().mean()) for name, guess in self.classes.items()
        }
        if self.positions is not None:
            found["position_error"] = float((self.positions[rows] - self.truth[rows]).abs().mean())
        for label, counts in self.overlaps.items():
            predicted, true, both = counts[rows].sum(0).tolist()
            found[f"dice_{label}"] = 2 * both / (predicted + true) if predicted + true else None
        if self.overlaps:
            known = [value for value in found.values() if value is not None]
            found["dice_mean"] = float(np.mean(known)) if known else None
        return found

    def confusion(self, rows: Sequence[int]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        """Images of one subject by class and by what "accuracy" took them for: (truth, guess)."""
        table = np.zeros((len(self.names), len(self.names)), dtype=np.int64)
        truth, guess = self.truth[rows].numpy(), self.classes["accuracy"][rows].numpy()
        np.add.at(table, (truth[truth >= 0], guess[truth >= 0]), 1)
        return table


def neighbours(
    reading: Reading,
    bank: torch.Tensor,
    queries: torch.Tensor,
    rows: Sequence[int],
    params: ImageTaskParams,
    boundary: Callable[[], None],
) -> Guess:
    """k-NN in both conventions: "accuracy" weighted by cosine, "accuracy_1" and "accuracy_10" by plain vote."""
    boundary()
    labels = reading.labels[list(rows)]
    weighted = knn_scores(bank, labels, queries, k=params.k, temperature=params.temperature)
    guesses = {"accuracy": weighted.argmax(1)}
    for k in LONG_TAILED:
        guesses[f"accuracy_{k}"] = knn_votes(bank, labels, queries, k=k).argmax(1)
    return Guess(classes=guesses, truth=reading.truth, names=reading.names)


def linear(
    reading: Reading,
    bank: torch.Tensor,
    queries: torch.Tensor,
    rows: Sequence[int],
    params: ImageTaskParams,
    boundary: Callable[[], None],
) -> Guess:
    """A linear reader of frozen features (or feature maps, for pixels)."""
    boundary()
    labels = reading.labels[list(rows)]
    if labels.ndim > 1:
        even = torch.linspace(0, len(bank) - 1, min(len(bank), MOST_LABELLED)).round().long()
        reader = fit_pixels(bank[even], labels[even], len(reading.names), penalty=params.penalty, boundary=boundary)
        size = (labels.shape[1], labels.shape[2])
        parts = []
        for some in queries.split(MAPS_AT_ONCE):
            boundary()
            parts.append(reader.of_maps(some, size).argmax(1))
        return Guess(overlaps=_overlaps(torch.cat(parts), reading), truth=reading.truth, names=reading.names)
    if not reading.names:
        told = fit_numbers(bank, labels, penalty=params.penalty)(queries)[:, 0].clamp(0, 1)
        return Guess(positions=told, truth=reading.truth)
    reader = fit_classes(bank, labels, len(reading.names), penalty=params.penalty, boundary=boundary)
    return Guess(classes={"accuracy": reader(queries).argmax(1)}, truth=reading.truth, names=reading.names)


def _overlaps(guess: torch.Tensor, reading: Reading) -> dict[str, torch.Tensor]:
    found = {}
    for number, name in enumerate(reading.names[1:], start=1):
        own, true = guess == number, reading.truth == number
        found[name] = torch.stack([mask.flatten(1).sum(1) for mask in (own, true, own & true)], 1)
    return found
