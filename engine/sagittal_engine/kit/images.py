"""Images as methods and probes see them, flat or 3D patches, with what is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch


@dataclass(frozen=True)
class ImageSet:
    """N images of one size, normalised as the encoder wants them."""

    images: torch.Tensor
    """float32, on the processor: (N, C, H, W), or (N, C, X, Y, Z) of 3D patches in RAS+ order."""
    subjects: tuple[str, ...]
    """Whose image it is: N names, so that no subject is on both sides of a split."""
    scans: tuple[str, ...]
    """Scan id per image."""
    slices: tuple[int, ...]
    """Index along the cutting axis (RAS+ canonical) per image; 0 for a 2D image, the axial middle of a patch."""
    position: torch.Tensor
    """float32 (N,): where in its scan the slice lies, 0 at the first and 1 at the last."""
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Target name → class name per image, "" where it is not known. "labels" names the labels present in the slice,
    joined by "+" ("none" where there are none); "quartile" is the quarter of the scan; others are meta columns."""
    masks: Mapping[str, torch.Tensor] = field(default_factory=dict)
    """Label name → bool (N, H, W) truth, resampled like the images; only where it was asked for."""

    def __len__(self) -> int:
        return len(self.images)

    def classes(self, target: str) -> tuple[tuple[str, ...], torch.Tensor]:
        """The class names of `target`, sorted, and int64 (N,) class indices, −1 where the class is not known.

        Raises ValueError that lists the targets there are.
        """
        if target not in self.targets:
            raise ValueError(f"There is no target '{target}'; there are {', '.join(sorted(self.targets)) or 'none'}.")
        names = self.targets[target]
        known = tuple(sorted(set(names) - {""}))
        place = {name: number for number, name in enumerate(known)}
        return known, torch.tensor([place.get(name, -1) for name in names], dtype=torch.int64)

    def take(self, chosen: Sequence[int]) -> ImageSet:
        """The images with these indices, in this order."""
        index = torch.as_tensor(chosen, dtype=torch.int64)
        rows = index.tolist()
        return ImageSet(
            images=self.images[index],
            subjects=tuple(self.subjects[i] for i in rows),
            scans=tuple(self.scans[i] for i in rows),
            slices=tuple(self.slices[i] for i in rows),
            position=self.position[index],
            targets={name: tuple(values[i] for i in rows) for name, values in self.targets.items()},
            masks={name: mask[index] for name, mask in self.masks.items()},
        )
