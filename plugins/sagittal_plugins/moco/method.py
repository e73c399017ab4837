"""MoCo v2 as a method of Sagittal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sagittal_engine.kit.contrastive import ContrastiveBase, Network
from sagittal_engine.kit.ema import follow, frozen_copy
from sagittal_engine.kit.pairs import unit
from sagittal_plugins.moco import MoCoParams
from sagittal_plugins.moco.loss import moco_parts


class MoCoNetwork(Network):
    """Query encoder and projector, their slow copy for keys, and the queue."""

    queue: Tensor
    """(K, D) unit rows."""
    place: Tensor
    """Where the next keys are written."""

    def __init__(self, encoder: nn.Module, projector: nn.Module, size: int, width: int) -> None:
        super().__init__(encoder, projector)
        self.slow = frozen_copy(nn.Sequential(encoder, projector))
        self.register_buffer("queue", unit(torch.randn(size, width)))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def keys(self, images: Tensor) -> Tensor:
        """Raw keys, (N, D)."""
        keys: Tensor = self.slow(images)
        return keys

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Writes unit keys over the oldest ones, round and round; of more than K the last K stay."""
        size = len(self.queue)
        rows = unit(keys.float())[-size:]
        where = (self.place + torch.arange(len(rows), device=rows.device)) % size
        self.queue.index_copy_(0, where, rows)
        self.place.copy_((self.place + len(rows)) % size)


class MoCo(ContrastiveBase[MoCoParams]):
    """Queries against keys and a queue."""

    LEARNING_VIEWS = 1

    _queue: Tensor
    """Of the module that is compared with."""
    _fresh: Tensor | None = None
    """Keys of the step under way; they join the queue after it."""

    def module(self) -> nn.Module:
        encoder, p = self.new_encoder(), self.params
        return MoCoNetwork(encoder, self.new_projector(encoder.width), p.queue_size, p.out_dim)

    def compare(self, module: Any, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        self._queue = module.queue
        queries, keys = module(view_a), module.keys(view_b)
        self.remember(queries)
        self._fresh = keys
        named = self.loss(queries, keys)
        if not self.params.symmetric:
            return named
        others, other_keys = module(view_b), module.keys(view_a)
        self._fresh = torch.cat([keys, other_keys])
        return {name: (named[name] + value) / 2 for name, value in self.loss(others, other_keys).items()}

    def loss(self, view_a: Tensor, view_b: Tensor) -> Mapping[str, Tensor]:
        """`view_a` are queries, `view_b` their keys; the queue of the module at hand gives the negatives."""
        return moco_parts(view_a, view_b, self._queue, temperature=self.params.temperature).named()

    def after_step(self, module: Any, step: int) -> None:
        super().after_step(module, step)
        follow(module.slow, nn.Sequential(module.encoder, module.projector), self.params.key_momentum)
        if self._fresh is not None:
            module.enqueue(self._fresh)
            self._fresh = None
