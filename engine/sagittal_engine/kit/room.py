"""Whether a training step has room in the processor's memory, told before it begins.

A GPU that is full refuses with an error that becomes a sentence. A processor's memory is promised more than once over:
where it ends, the system ends the program, and what was not saved is lost.
"""

from __future__ import annotations

from collections.abc import Sequence

import psutil
import torch
from torch import Tensor, nn

from sagittal.engine_port import SagittalError


def kept_bytes(network: nn.Module, shape: Sequence[int]) -> int:
    """Bytes that a forward pass of float32 images of `shape` keeps for its backward pass, weights left out.

    `network` lies on the meta device, so that nothing is computed: only shapes go through it.
    """
    own = {tensor.untyped_storage()._cdata for tensor in (*network.parameters(), *network.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(torch.empty(*shape, device="meta"))
    return sum(storage.nbytes() for place, storage in kept.items() if place not in own)


def check_room(needed: int, words: str) -> None:
    """Raises `SagittalError` where a step that holds at least `needed` bytes cannot fit; `words` name what is large.

    `words` go on as "… keeps at least 9.1 GB": "A step of 64 images through resnet50".
    """
    free = psutil.virtual_memory().available
    if needed > free:
        raise SagittalError(
            f"{words} keeps at least {needed / 1e9:,.1f} GB until its backward pass, and {free / 1e9:,.1f} GB of "
            "memory are free. Lower 'batch_size' or 'image_size', choose a smaller 'encoder', or close other programs."
        )
