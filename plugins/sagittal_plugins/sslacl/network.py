"""SSLACL's networks (thesis ch. 3): nine branches that learn by the puzzle, then read nine groups of an exam's slices.

No layer is normalised, and all convolutions have biases: so counted, the thesis's numbers of parameters come out. What
it leaves open is read as follows: a ReLU follows every convolution, and every linear layer but the last.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sagittal_engine.nets.branches import POOL, Branches, plain_start, recomputed, scaled
from sagittal_engine.nets.guessers import Head

BRANCH = (256, 256, POOL, 512, 512, POOL)
FUSED, FILTERS, HIDDEN = 2048, 1024, 1024
GROUPS = 9
LEAST_CROP = 4


class SSLACLEncoder(nn.Module):
    """(N, cells, C, h, w) → (N, 2048, h/8, w/8): the branches, a 3×3 convolution, and
    [3×3, 3×3 of stride 2] beside [3×3, 2×2 maximum], concatenated."""

    def __init__(self, in_channels: int, cells: int, scale: float, grouped: bool | None, checkpointing: bool) -> None:
        super().__init__()
        self.checkpointing = checkpointing
        self.branches = branches_of(cells, in_channels, scale, grouped)
        fused, filters = scaled(FUSED, scale), scaled(FILTERS, scale)
        self.fuse = nn.Conv2d(cells * self.branches.width, fused, 3, padding=1)
        self.deep1 = nn.Conv2d(fused, filters, 3, padding=1)
        self.deep2 = nn.Conv2d(filters, filters, 3, stride=2, padding=1)
        self.flat = nn.Conv2d(fused, filters, 3, padding=1)
        self.width = 2 * filters

    def forward(self, cells: Tensor) -> Tensor:
        x = cells.flatten(1, 2)
        if self.checkpointing and self.training:
            for part in self.branches.stages():
                x = recomputed(part, x)
        else:
            x = self.branches.layers(x)
        x = F.relu(self.fuse(x))
        deep = F.relu(self.deep2(F.relu(self.deep1(x))))
        # An odd side is halved upwards, as the convolution of stride 2 does.
        flat = F.max_pool2d(F.relu(self.flat(x)), 2, ceil_mode=True)
        return torch.cat([deep, flat], 1)


class SSLACLNet(nn.Module):
    """(N, cells, C, h, w), cell i into branch i → scores (N, classes) of the arrangements.

    `width` scales every layer's channels, 1 as published; `grouped` and `checkpointing` change time and memory alone.
    Raises ValueError where a number is out of its range.
    """

    def __init__(
        self,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        cells: int = 9,
        width: float = 1.0,
        grouped: bool | None = None,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        if classes < 1 or in_channels < 1 or cells < 1 or not 0 < width <= 4:
            raise ValueError(
                "classes, channels and cells are at least 1, and the width is above 0 and at most 4; "
                f"got {classes}, {in_channels}, {cells} and {width:g}."
            )
        self.encoder = SSLACLEncoder(in_channels, cells, width, grouped, checkpointing)
        self.head = Head(self.encoder.width, scaled(HIDDEN, width), classes, layers=2)
        plain_start(self)

    def forward(self, cells: Tensor) -> Tensor:
        scores: Tensor = self.head(self.encoder(cells))
        return scores


class SSLACLClassifier(nn.Module):
    """The slices of one exam, (S, C, H, W), or of several with as many, (B, S, C, H, W) → a score (B, 1), before the
    logistic function: "divide and teach".

    The slices are divided into nine groups of neighbours; branch i of the pretext looks at those of group i, and three
    blocks of two convolutions read what it gives of every slice. Mean over places, maximum over slices, three linear
    layers. `branches` has the names and shapes of `SSLACLNet.encoder.branches`, whose weights it starts from.
    """

    def __init__(self, in_channels: int = 3, *, width: float = 1.0) -> None:
        super().__init__()
        self.branches = branches_of(GROUPS, in_channels, width, grouped=False)
        first, second = scaled(512, width), scaled(FILTERS, width)
        layers: list[nn.Module] = []
        for channels, out in itertools.pairwise((self.branches.width, first, second, second)):
            for given, stride in ((channels, 1), (out, 2)):
                layers += [nn.Conv2d(given, out, 3, stride, 1), nn.ReLU(inplace=True)]
        self.blocks = nn.Sequential(*layers)
        self.head = Head(second, scaled(HIDDEN, width), 1, layers=2)
        plain_start(self)

    def forward(self, slices: Tensor) -> Tensor:
        if slices.ndim not in (4, 5) or slices.shape[-4] < 1:
            raise ValueError(f"slices are (S, C, H, W) or (B, S, C, H, W); got {tuple(slices.shape)}.")
        exams = slices if slices.ndim == 5 else slices.unsqueeze(0)
        counts = divide_slices(exams.shape[1], GROUPS)
        groups = [
            self.branches.alone(branch, group.flatten(0, 1))
            for branch, group in enumerate(exams.split(counts, 1))
            if group.shape[1]
        ]
        # Of each group all exams' slices lie together; the maximum does not mind the order.
        features = [self.blocks(maps).flatten(2).mean(2).unflatten(0, (len(exams), -1)) for maps in groups]
        strongest = torch.cat(features, 1).amax(1)
        score: Tensor = self.head.scores(self.head.hidden(strongest))
        return score


def divide_slices(n_slices: int, groups: int = 9) -> list[int]:
    """How many neighbouring slices go to each group: ⌈what is left / groups left⌉, group by group, which sums to
    `n_slices`; the last groups are empty where there are fewer slices than groups.

    The printed Algorithm 3.3 divides all slices anew instead of those left: 36 slices become 4, 5, 6, 6, 8, 7, 0, 0, 0,
    here nine times 4. Raises ValueError where a number is less than one.
    """
    if n_slices < 1 or groups < 1:
        raise ValueError(f"there is at least one slice and one group; got {n_slices} slices and {groups} groups.")
    counts, left = [], n_slices
    for remaining in range(groups, 0, -1):
        counts.append(-(-left // remaining))
        left -= counts[-1]
    return counts


def branches_of(cells: int, in_channels: int, scale: float, grouped: bool | None) -> Branches:
    """The branches of pretext and classifier."""
    widths = [w if isinstance(w, str) else scaled(w, scale) for w in BRANCH]
    return Branches(cells, in_channels, widths, norm=False, grouped=grouped)
