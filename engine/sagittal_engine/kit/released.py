"""A loss whose intermediate results are let go as soon as it is known.

Where a step needs several graphs (two domains, two views), each keeps its activations until the backward pass, and the
peak is their sum. Here a part's gradients are taken right after its forward pass, while nothing else is in memory; the
backward pass scales them. No number is computed twice, and the result is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Loss = Callable[..., tuple[Tensor, Any]]
"""(*inputs) → the scalar loss, and whatever else is wanted of the pass, which is detached."""

HEADROOM = 4096.0
"""Gradients are taken of the loss times this, and divided later: small ones would vanish in half precision. A power of
two, so that it changes no other number."""


def released(loss: Loss, inputs: Sequence[Tensor], parameters: Sequence[Tensor]) -> tuple[Tensor, Any]:
    """`loss(*inputs)`, differentiable with respect to `inputs` and `parameters`, without keeping its graph.

    `parameters` are the trained tensors that `loss` uses besides its inputs. Second derivatives are there too: asked
    for, the pass is made again. Without gradients (under `torch.no_grad`) it is a plain call.
    """
    if not torch.is_grad_enabled():
        return loss(*inputs)
    kept: list[Any] = []
    value = _Released.apply(loss, kept, len(inputs), *inputs, *parameters)
    return value, kept[0]


class _Released(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loss: Loss, kept: list[Any], count: int, *tensors: Tensor) -> Tensor:
        given = [x.detach().requires_grad_(x.is_floating_point()) for x in tensors[:count]]
        with torch.enable_grad():
            value, more = loss(*given)
            found = torch.autograd.grad(value * HEADROOM, [*given, *tensors[count:]], materialize_grads=True)
        kept.append(torch.utils._pytree.tree_map_only(Tensor, Tensor.detach, more))
        ctx.loss, ctx.count, ctx.number = loss, count, len(found)
        ctx.save_for_backward(*found, *tensors)
        return value.detach()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        found, tensors = saved[: ctx.number], saved[ctx.number :]
        if torch.is_grad_enabled():  # the gradient itself is to be differentiated
            value, _ = ctx.loss(*tensors[: ctx.count])
            made = torch.autograd.grad(value, tensors, outer[0], create_graph=True, materialize_grads=True)
            return (None, None, None, *made)
        factor = outer[0] / HEADROOM
        return (None, None, None, *(g * factor for g in found))
