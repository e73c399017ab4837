"""What reads the slices of an exam one by one: an encoder of images, one of cells, or branches for groups of slices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from sagittal.engine_port import SagittalError
from sagittal_engine.kit.cells import cut_cells
from sagittal_engine.nets.alexnet import AlexNetEncoder
from sagittal_engine.nets.image_encoders import build_image_encoder
from sagittal_engine.nets.skid import SKIDEncoder
from sagittal_engine.nets.sslacl import SSLACLClassifier, SSLACLEncoder, group_of_slices
from sagittal_engine.nets.weights import load_weights

SKID, SSLACL, ALEXNET = "skid_", "sslacl", "alexnet"


@dataclass(frozen=True)
class Look:
    """How a network sees a slice."""

    channels: int = 1
    signed: bool = False
    """Intensities −1…1 in place of 0…1."""
    cells: int = 0
    """Cells that a slice is cut into, in order, each given to a branch of its own; 0 leaves it whole."""
    crop: int = 0
    """Pixels a side of the middle of a cell that is shown."""

    def __call__(self, slices: Tensor) -> Tensor:
        """(n, 1 or C, H, W) in 0…1 → (n, C, H, W), or (n, cells, C, crop, crop)."""
        if self.cells:
            slices = cut_cells(slices, cells=self.cells)
            above, left = ((side - self.crop) // 2 for side in slices.shape[-2:])
            slices = slices[..., above : above + self.crop, left : left + self.crop]
        if self.signed:
            slices = 2 * slices - 1
        return slices.expand(*slices.shape[:-3], self.channels, *slices.shape[-2:])


class SliceReader(nn.Module):
    """(n, 1 or C, H, W), intensities 0…1 → maps (n, width, h, w): every slice by itself."""

    def __init__(self, network: nn.Module, look: Look) -> None:
        super().__init__()
        self.network, self.look = network, look

    @property
    def width(self) -> int:
        """Channels of the maps."""
        return int(self.network.width)

    def groups(self, count: int) -> Tensor:
        """Every slice of a scan is read alike."""
        return torch.zeros(count, dtype=torch.int64)

    def forward(self, slices: Tensor, groups: Tensor) -> Tensor:
        shown = self.look(slices)
        maps: Tensor = self.network(shown) if self.look.cells else self.network.maps(shown)
        return maps


class GroupReader(nn.Module):
    """(n, 1 or C, H, W) → features (n, width): slices of one part of the scan are read by one branch of the pretext."""

    def __init__(self, network: SSLACLClassifier, look: Look) -> None:
        super().__init__()
        self.network, self.look = network, look

    @property
    def width(self) -> int:
        """Features of a slice."""
        return self.network.width

    def groups(self, count: int) -> Tensor:
        """Nine parts of neighbouring slices of a scan of so many."""
        return group_of_slices(count, self.network.branches.branches)

    def forward(self, slices: Tensor, groups: Tensor) -> Tensor:
        return self.network.read(self.look(slices), groups)


def encoder_named(name: str, *, stem: str, channels: int, width: float, cells: int) -> nn.Module:
    """A freshly initialised network: an `ImageEncoder`, or one of cells (`skid_v3`, `sslacl`)."""
    if name.startswith(SKID):
        return SKIDEncoder(name.removeprefix(SKID), channels, cells, width, None, False)
    if name == SSLACL:
        return SSLACLEncoder(channels, cells, width, None, False)
    if name == ALEXNET:
        return AlexNetEncoder(channels)
    return build_image_encoder(name, in_channels=channels, stem=stem)


def is_of_cells(name: str) -> bool:
    """Whether an encoder sees a slice as cells."""
    return name.startswith(SKID) or name == SSLACL


def load_start(network: nn.Module, path: str | Path, start: str, *, only: str = "") -> str:
    """Loads the weights that a network starts from (of its part `only`), and says so in a sentence.

    Raises `SagittalError` where they do not fit.
    """
    try:
        loaded = load_weights(network, path)
    except ValueError as error:
        raise SagittalError(str(error)) from error
    learned = {name for name, _ in network.named_parameters() if name.startswith(only)} & set(loaded.missing)
    if learned:
        raise SagittalError(
            f"The weights of '{start}' fit this network only in part: {len(learned)} of its tensors are missing, as "
            f"{sorted(learned)[0]}. Set 'encoder', 'channels' and 'width' to what was trained."
        )
    return loaded.sentence(path)
