"""SSLACL's encoder of cells, and the classifier whose branches read nine groups of an exam's slices (thesis ch. 3).

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


class SSLACLClassifier(nn.Module):
    """The slices of one exam, (S, C, H, W), or of several with as many, (B, S, C, H, W) → scores (B, outputs), before
    the logistic function: "divide and teach".

    The slices are divided into nine groups of neighbours; branch i of the pretext looks at those of group i, and three
    blocks of two convolutions read what it gives of every slice. Mean over places, maximum over slices, three linear
    layers. `branches` has the names and shapes of `SSLACLNet.encoder.branches`, whose weights it starts from.
    """

    def __init__(self, in_channels: int = 3, *, width: float = 1.0, outputs: int = 1, groups: int = GROUPS) -> None:
        super().__init__()
        self.branches = branches_of(groups, in_channels, width, grouped=False)
        first, second = scaled(512, width), scaled(FILTERS, width)
        layers: list[nn.Module] = []
        for channels, out in itertools.pairwise((self.branches.width, first, second, second)):
            for given, stride in ((channels, 1), (out, 2)):
                layers += [nn.Conv2d(given, out, 3, stride, 1), nn.ReLU(inplace=True)]
        self.blocks = nn.Sequential(*layers)
        self.width = second
        """Features of a slice."""
        self.head = Head(second, scaled(HIDDEN, width), outputs, layers=2)
        plain_start(self)

    def forward(self, slices: Tensor) -> Tensor:
        if slices.ndim not in (4, 5) or slices.shape[-4] < 1:
            raise ValueError(f"slices are (S, C, H, W) or (B, S, C, H, W); got {tuple(slices.shape)}.")
        exams = slices if slices.ndim == 5 else slices.unsqueeze(0)
        groups = group_of_slices(exams.shape[1], self.branches.branches).repeat(len(exams))
        return self.judged(self.read(exams.flatten(0, 1), groups).unflatten(0, exams.shape[:2]))

    def read(self, slices: Tensor, groups: Tensor) -> Tensor:
        """Features (M, F) of slices (M, C, H, W), each seen by the branch of its group, int64 (M,)."""
        found: Tensor | None = None
        for branch in groups.unique().tolist():
            rows = (groups == branch).nonzero().flatten().to(slices.device)
            maps = self.blocks(self.branches.alone(branch, slices[rows]))
            own = maps.flatten(2).mean(2)
            found = own.new_zeros(len(slices), own.shape[1]) if found is None else found
            found = found.index_copy(0, rows, own)
        assert found is not None
        return found

    def judged(self, features: Tensor) -> Tensor:
        """Scores (B, outputs) of exams by the features of their slices, (B, S, F)."""
        scores: Tensor = self.head.scores(self.head.hidden(features.amax(1)))
        return scores


def group_of_slices(n_slices: int, groups: int = GROUPS) -> Tensor:
    """int64 (S,), on the processor: which group each slice belongs to, by `divide_slices`."""
    counts = torch.tensor(divide_slices(n_slices, groups), device="cpu")
    return torch.repeat_interleave(torch.arange(groups, device="cpu"), counts)


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
