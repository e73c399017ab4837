"""SSLACL: the puzzle of `kit.puzzles`, and its network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from sagittal_engine.kit.puzzles import PuzzleBase
from sagittal_plugins.sslacl import SSLACLParams
from sagittal_plugins.sslacl.network import SSLACLNet


class SSLACL(PuzzleBase[SSLACLParams]):
    """Nine branches without normalisation."""

    def network(self) -> nn.Module:
        p = self.params
        return SSLACLNet(self.classes, p.channels, cells=p.cells, width=p.width, checkpointing=p.checkpointing)

    def encoder_facts(self) -> Mapping[str, Any]:
        return {**super().encoder_facts(), "architecture": "sslacl"}
