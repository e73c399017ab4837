"""Where in its slices an exam classifier finds a label."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from sagittal.engine_port import SagittalError
from sagittal.method import FeatureLayer, ScanData
from sagittal_engine.kit.cells import borders, spread
from sagittal_engine.kit.exams import is_of
from sagittal_engine.kit.explaining import AT_ONCE, ExplainsBase, Score, enlarged, grad_cam
from sagittal_engine.kit.framing import Framing
from sagittal_plugins.exam_classifier import GROUPS

FUSED = "Behind the layer that joins the branches cells are told apart no more: the map is the same in each."


class ExplainsExams(ExplainsBase):
    """Grad-CAM of each label. Where slices come together by a maximum, each slice is judged as if the exam were it
    alone; else in looks of slices evenly spread over the scan, of which each takes part in one."""

    labels: tuple[str, ...]
    plane: str

    @property
    @abstractmethod
    def framing(self) -> Framing: ...

    @abstractmethod
    def groups(self, count: int) -> Tensor: ...

    def explained(self) -> tuple[str, ...]:
        """The labels."""
        return self.labels

    def explain_framing(self) -> Framing:
        return self.framing

    def explain_plane(self, scan: ScanData) -> str:
        """Raises `SagittalError` for a scan of another plane."""
        if not is_of(scan, self.plane):
            raise SagittalError(f"Scan {scan.id} is not {self.plane}, and the run judges {self.plane} scans alone.")
        return super().explain_plane(scan)

    def explain_example(self, module: Any) -> object:
        return module.read(self.framing.blank().to(self.context.device), self.groups(1))

    def explain_layers(self, module: Any) -> Sequence[FeatureLayer]:
        """Layers of what reads slices; behind the one that joins the cells' branches, places are told apart no more."""
        found = super().explain_layers(module)
        if not self._cut:
            return found
        return [
            layer if _of_branches(module, layer.layer) else replace(layer, local=False, about=FUSED) for layer in found
        ]

    def explained_score(self, module: Any, target: str) -> Score:
        """The score of a label, of each slice as if the exam were it alone, in the place that it has among them."""
        return lambda slices: self._score(module, target, slices, self.groups(len(slices)), alone=True)

    def _score(self, module: Any, target: str, slices: Tensor, groups: Tensor, *, alone: bool) -> Tensor:
        """(n,) of slices each by itself, or (1,) of all as one look."""
        read = module.read(slices.to(self.context.device), groups)
        return cast(Tensor, module.judge(read.unsqueeze(1 if alone else 0))[:, self.labels.index(target)])

    def explain(
        self,
        module: Any,
        layer: nn.Module,
        slices: Tensor,
        target: str,
        seed: int,
        progress: Callable[[int, int], object] = lambda _done, _total: None,
    ) -> Tensor:
        """As the protocol says; a slice of one intensity is not shown to the network.

        Raises ValueError for a target that is none of the labels.
        """
        if target not in self.labels:
            raise ValueError(f"the target is one of {', '.join(self.labels)}; got {target!r}.")
        flat = slices.flatten(1)
        rows = (flat.amax(1) > flat.amin(1)).nonzero().flatten()
        alone = self.params.head in ("maximum", GROUPS)
        looks = math.ceil(len(rows) / self.params.slices)
        parts = list(rows.split(AT_ONCE)) if alone else [rows[n::looks] for n in range(looks)]
        own = int(self.params.grid) ** 2 if self._cut and _of_branches(module, layer) else 1
        groups = self.groups(len(slices))
        found = torch.full((len(slices), *slices.shape[-2:]), torch.nan)
        done = 0
        for some in parts if len(rows) else ():
            self.context.boundary()
            progress(done, len(rows))

            def score(some: Tensor = some) -> Tensor:
                return self._score(module, target, slices[some], groups[some], alone=alone)

            found[some] = self._in_frame(grad_cam(layer, score, groups=own).cpu(), slices.shape[-2:])
            done += len(some)
        progress(done, len(rows))
        return found

    @property
    def _cut(self) -> bool:
        """Whether slices are read as cells."""
        return bool(self.params.of_cells) and self.params.head != GROUPS

    def _in_frame(self, maps: Tensor, size: Sequence[int]) -> Tensor:
        """Maps (n, cells or 1, h, w) of a layer as the slices lie: (n, H, W), NaN between what is shown of cells."""
        if not self._cut:
            return enlarged(maps, size).squeeze(1)
        crop = self.params.crop
        return spread(enlarged(maps, (crop, crop)).expand(-1, int(self.params.grid) ** 2, -1, -1), size[0])

    def patch_borders(self) -> Tensor | None:
        """Of what is shown of each cell, where slices are cut."""
        p = self.params
        return borders(int(p.grid) ** 2, p.crop, p.image_size) if self._cut else None


def _of_branches(module: Any, layer: nn.Module) -> bool:
    """Whether a layer's features are those of branches, the channels of one cell after those of another."""
    return any(part is layer for part in module.encoder.network.branches.modules())
