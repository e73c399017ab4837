"""Published weights from a file the user picks, matched to a module by name and shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

PREFIXES: tuple[str, ...] = ("", "backbone.", "encoder.", "module.", "module.backbone.", "model.", "model.backbone.")
"""What published files put before a backbone's names: DeepLab-v3 `backbone.`, data-parallel training `module.`, …"""

NESTS: tuple[str, ...] = ("state_dict", "model_state_dict", "model")
"""Keys under which training programs put the weights among other things."""


@dataclass(frozen=True)
class LoadedWeights:
    """Which names a file and a module had in common."""

    matched: tuple[str, ...]
    """Names of the module that were loaded."""
    missing: tuple[str, ...]
    """Names of the module that the file has not, or has in another shape; they keep their initial values."""
    unused: tuple[str, ...]
    """Names of the file that the module has not."""

    def sentence(self, path: str | Path) -> str:
        """What happened, for the user and the log."""
        text = f"{Path(path).name}: {len(self.matched)} tensors loaded"
        if self.missing:
            text += f"; {len(self.missing)} of the network keep their initial values ({_some(self.missing)})"
        if self.unused:
            text += f"; {len(self.unused)} of the file are not used ({_some(self.unused)})"
        return text + "."


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors, .pth or .pt file by name; never runs code from the file.

    Raises ValueError in one sentence where the file is missing or is no file of weights.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"The weights file {path} does not exist; choose another or leave 'weights' empty.")
    try:
        content: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (SafetensorError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise ValueError(_unreadable(path)) from error
    except Exception as error:  # pickle.UnpicklingError, without importing pickle: the file holds more than tensors.
        if type(error).__name__ != "UnpicklingError":
            raise
        raise ValueError(_unreadable(path)) from error
    for nest in NESTS:
        if isinstance(content, Mapping) and isinstance(content.get(nest), Mapping):
            content = content[nest]
    tensors = (
        {str(k): v for k, v in content.items() if isinstance(v, torch.Tensor)} if isinstance(content, Mapping) else {}
    )
    if not tensors:
        raise ValueError(f"The file {path} holds no named tensors; choose a state dict (.pth or .safetensors).")
    return tensors


def _unreadable(path: Path) -> str:
    return (
        f"The file {path} is not a weights file that can be read safely (.safetensors, or .pth with tensors alone); "
        "save the plain state dict and choose that."
    )


def load_weights(module: nn.Module, path: str | Path) -> LoadedWeights:
    """Loads what fits, by name (after the prefix that fits most) and shape.

    Raises ValueError where nothing fits, naming some of the file's keys.
    """
    tensors, own = read_weights(path), module.state_dict()

    def fitting(prefix: str) -> dict[str, torch.Tensor]:
        found = {name: tensors.get(prefix + name) for name in own}
        return {name: t for name, t in found.items() if t is not None and t.shape == own[name].shape}

    prefix = max(PREFIXES, key=lambda p: len(fitting(p)))
    chosen = fitting(prefix)
    learned = [name for name in chosen if own[name].is_floating_point()]
    if not learned:
        raise ValueError(
            f"No tensor of {path} fits the network: the file has names like {_some(tuple(tensors))}; the network "
            f"like {_some(tuple(own))}. Choose weights of the same architecture."
        )
    module.load_state_dict(chosen, strict=False)
    used = {prefix + name for name in chosen}
    return LoadedWeights(
        tuple(chosen), tuple(n for n in own if n not in chosen), tuple(n for n in tensors if n not in used)
    )
