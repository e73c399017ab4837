"""Encoders by name."""

from __future__ import annotations

from sagittal_engine.nets.resnet import LAYOUTS, DilatedResNet
from sagittal_engine.nets.small import SmallEncoder

NAMES: tuple[str, ...] = ("small", *LAYOUTS)


def build_encoder(name: str, out_channels: int | None = None) -> SmallEncoder | DilatedResNet:
    """A freshly initialised encoder; `out_channels` is 128 for "small" and 256 for the ResNets unless given.

    Every encoder has `in_channels`, `out_channels` and `stride`. Raises ValueError that names those there are.
    """
    if name == "small":
        return SmallEncoder(out_channels or 128)
    if name in LAYOUTS:
        return DilatedResNet(name, out_channels or 256)
    raise ValueError(f"the encoder must be one of {', '.join(NAMES)}; got {name!r}.")
