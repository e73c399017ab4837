"""PIRL as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sagittal_engine.kit.cells import cut_cells
from sagittal_engine.kit.contrastive import ContrastiveBase, Network
from sagittal_engine.kit.jigsaw_views import GRID, apply_jigsaw, draw_jigsaw, jigsaw_rules
from sagittal_engine.kit.pairs import unit
from sagittal_engine.nets.image_encoder import ImageEncoder
from sagittal_plugins.pirl import PIRLParams
from sagittal_plugins.pirl.loss import pirl_parts


class PIRLNetwork(Network):
    """One encoder for slices and cells, a head for each, and what is remembered of every slice."""

    memory: Tensor
    """(slices, D) unit rows."""

    def __init__(self, encoder: ImageEncoder, projector: nn.Module, width: int, slices: int) -> None:
        super().__init__(encoder, projector)
        self.per_cell = nn.Linear(encoder.width, width)
        self.of_cells = nn.Linear(GRID**2 * width, width)
        self.register_buffer("memory", unit(torch.randn(slices, width)))

    def puzzle(self, images: Tensor) -> Tensor:
        """Puzzles laid out, (N, C, H, W) → (N, D): each cell encoded by itself, then all in the order they lie in."""
        cells = cut_cells(images, cells=GRID**2)
        rows: Tensor = self.per_cell(self.encoder(cells.flatten(0, 1))).unflatten(0, cells.shape[:2])
        found: Tensor = self.of_cells(rows.flatten(1))
        return found

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        # How many slices are remembered is the run's, which whoever only looks at the network need not know.
        kept = state.get(prefix + "memory")
        if kept is not None:
            self.memory = kept.new_empty(kept.shape, device=self.memory.device)
        super()._load_from_state_dict(state, prefix, *rest)  # type: ignore[no-untyped-call]


class PIRL(ContrastiveBase[PIRLParams]):
    """A slice and its puzzle against the memory."""

    _memory: Tensor
    """Of the module that is compared with."""
    _rows: Tensor
    """Of the batch: which slices it holds, int64 (N,)."""
    _others: Tensor
    """Slices whose memory is driven away, int64 (K,)."""
    _fresh: Tensor | None = None
    """Features of the step under way; they are remembered after it."""

    def module(self) -> nn.Module:
        encoder, p = self.new_encoder(), self.params
        slices = len(self._training) if self._training is not None else 0
        return PIRLNetwork(encoder, self.new_projector(encoder.width), p.out_dim, slices)

    def batch(self, step: int, generator: torch.Generator) -> dict[str, Any]:
        """Slices, which ones they are, the draws of a view and of a puzzle of each, and others to tell them from."""
        images, p = self.training_set().images, self.params
        rows = self._chosen(max(1, step))
        return {
            "images": images[rows],
            "rows": rows,
            "view": self.draw(len(rows), generator),
            "puzzle": draw_jigsaw(len(rows), p.image_size, jigsaw_rules(p.image_size), generator),
            "others": torch.randint(len(images), (p.negatives,), generator=generator),
        }

    def views(self, batch: Any) -> tuple[Tensor, ...]:
        """A view of each slice, and its puzzle."""
        return self._views.apply(batch["images"], batch["view"]), apply_jigsaw(batch["images"], batch["puzzle"])

    def objectives(self, module: Any, batch: Any) -> Mapping[str, Tensor]:
        self._recall(module, batch)
        return super().objectives(module, batch)

    def outputs_and_loss(self, module: Any, batch: Any) -> tuple[Any, Callable[[Any], Tensor]]:
        self._recall(module, batch)
        return super().outputs_and_loss(module, batch)

    def _recall(self, module: Any, batch: Any) -> None:
        self._memory, self._rows, self._others = module.memory, batch["rows"], batch["others"]

    def forward_views(self, module: Any, view_a: Tensor, view_b: Tensor) -> tuple[Tensor, Tensor]:
        return module(view_a), module.puzzle(view_b)

    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        """`view_a` are features of slices, `view_b` of their puzzles; the memory of the module at hand."""
        p = self.params
        self._fresh = view_a.detach()
        return pirl_parts(
            view_a, view_b, self._memory[self._rows], self._memory[self._others],
            self._rows.unsqueeze(1) == self._others,
            share=p.share, temperature=p.temperature, objective=p.objective,
        ).named()  # fmt: skip

    def after_step(self, module: Any, step: int) -> None:
        super().after_step(module, step)
        if self._fresh is not None:
            kept = self.params.memory_momentum * module.memory[self._rows]
            module.memory[self._rows] = unit(kept + (1 - self.params.memory_momentum) * unit(self._fresh.float()))
            self._fresh = None
