"""Which images a step takes: every epoch is a new order, and a step's batch is a pure function of (seed, step)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def epoch_batches(count: int, batch: int, seed: int, epoch: int) -> list[Tensor]:
    """`count` indices, shuffled as (seed, epoch) say, in batches of exactly `batch`; what is left over is left out.

    Which images are left out changes from epoch to epoch. Raises ValueError unless 1 ≤ batch ≤ count.
    """
    if not 1 <= batch <= count:
        raise ValueError(f"a batch holds at least one image and at most all {count}; got {batch}.")
    order = torch.randperm(count, generator=_generator(seed, epoch))
    return list(order[: count // batch * batch].split(batch))


def subject_batches(rows: Sequence[Sequence[int]], subjects: int, batch: int, seed: int, epoch: int) -> list[Tensor]:
    """The images of `rows` (subject → indices) in batches of at most `batch`, each of at most `subjects` subjects.

    Subjects are shuffled and taken `subjects` at a time; the images of such a group are shuffled together and cut into
    as few batches as hold them, as even as can be. Every image comes once, but for one that would be alone in its
    batch, where a batch may hold more. Raises ValueError where a number is less than one or there is no image.
    """
    if subjects < 1 or batch < 1 or not any(rows):
        raise ValueError(f"a batch needs at least one image of one subject; got {batch} images, {subjects} subjects.")
    generator = _generator(seed, epoch)
    order = torch.randperm(len(rows), generator=generator).tolist()
    found: list[Tensor] = []
    for start in range(0, len(order), subjects):
        group = torch.tensor([index for s in order[start : start + subjects] for index in rows[s]], dtype=torch.int64)
        if len(group) > 1 or (batch == 1 and len(group)):
            group = group[torch.randperm(len(group), generator=generator)]
            found += group.tensor_split(math.ceil(len(group) / batch))
    if not found:
        raise ValueError(f"no {subjects} of {len(rows)} subjects have two images between them; take more a batch.")
    return [found[n] for n in torch.randperm(len(found), generator=generator).tolist()]


class Sampler:
    """Indices of every step's batch, steps counted from 1. Epochs follow each other; neither depends on the other."""

    def __init__(
        self, count: int, batch: int, seed: int, *, rows: Sequence[Sequence[int]] = (), subjects_per_batch: int = 0
    ) -> None:
        """`count` images in batches of `batch`, or of all images where those are fewer.

        With `subjects_per_batch`, `rows` holds the indices of each subject's images and batches follow
        `subject_batches`, else `epoch_batches`. Raises ValueError as they do.
        """
        self._count, self._batch, self._seed = count, max(1, min(batch, count)), seed
        self._rows, self._subjects = rows, subjects_per_batch if rows else 0
        # Epoch, steps before it, its batches: one value, so that threads may ask at the same time.
        self._at = 0, 0, self._of(0)

    def indices(self, step: int) -> Tensor:
        """int64 (n,), all different: the images of step `step`. Raises ValueError where `step` is less than one."""
        if step < 1:
            raise ValueError(f"steps are counted from 1; got {step}.")
        epoch, before, batches = self._at
        if step <= before:
            epoch, before, batches = 0, 0, self._of(0)
        while step > before + len(batches):
            # Where all epochs are of one length, straight to the step's own.
            ahead = 1 if self._subjects else (step - 1 - before) // len(batches)
            epoch, before = epoch + ahead, before + ahead * len(batches)
            batches = self._of(epoch)
        self._at = epoch, before, batches
        return batches[step - 1 - before]

    def _of(self, epoch: int) -> list[Tensor]:
        if self._subjects:
            return subject_batches(self._rows, self._subjects, self._batch, self._seed, epoch)
        return epoch_batches(self._count, self._batch, self._seed, epoch)


def _generator(seed: int, epoch: int) -> torch.Generator:
    """A generator of its own for every (seed, epoch): SplitMix64's finaliser keeps neighbours apart."""
    mask = 2**64 - 1
    value = (seed * 0x9E3779B97F4A7C15 + (epoch + 1) * 0xD1B54A32D192ED03) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return torch.Generator().manual_seed((value ^ (value >> 31)) >> 1)
