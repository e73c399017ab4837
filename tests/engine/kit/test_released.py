"""A loss that lets go of its graph gives what the plain one gives."""

from __future__ import annotations

import weakref

import torch
from torch import nn

from sagittal_engine.kit.released import released


def parts():
    torch.manual_seed(0)
    path, rest = nn.Linear(4, 3).double(), nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    return path, rest, torch.randn(7, 4, dtype=torch.float64)


def loss_of(rest):
    def loss(latent):
        out = rest(latent)
        return out.square().mean(), out.detach().max()

    return loss


def gradients(value, path, rest):
    return torch.autograd.grad(value, [*path.parameters(), *rest.parameters()])


def test_value_and_gradients_are_the_same_to_the_last_bit():
    path, rest, x = parts()
    plain, more = loss_of(rest)(path(x))
    lean, same = released(loss_of(rest), (path(x),), list(rest.parameters()))
    assert torch.equal(lean, plain) and torch.equal(more, same)
    for a, b in zip(gradients(3 * lean, path, rest), gradients(3 * plain, path, rest), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-14, atol=0)


def test_second_derivatives_are_there():
    path, rest, x = parts()
    parameters = [*path.parameters(), *rest.parameters()]
    torch.manual_seed(1)
    vector = [torch.randn_like(p) for p in parameters]
    found = []
    for value in (loss_of(rest)(path(x))[0], released(loss_of(rest), (path(x),), list(rest.parameters()))[0]):
        first = torch.autograd.grad(value, parameters, create_graph=True)
        product = sum((g * v).sum() for g, v in zip(first, vector, strict=True))
        found.append(torch.autograd.grad(product, parameters))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


def test_without_gradients_it_is_a_plain_call():
    path, rest, x = parts()
    with torch.no_grad():
        value, _ = released(loss_of(rest), (path(x),), list(rest.parameters()))
    assert not value.requires_grad


class Held:
    """What autograd holds until a backward pass, so that one can see what it still holds."""

    def __init__(self, tensor):
        self.tensor = tensor


def test_it_keeps_no_intermediate_result():
    path, rest, x = parts()
    for lean in (False, True):
        made = []

        def pack(tensor, made=made):
            made.append(weakref.ref(held := Held(tensor)))
            return held

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda held: held.tensor):
            latent = path(x)
            if lean:
                value, _ = released(loss_of(rest), (latent,), list(rest.parameters()))
            else:
                value, _ = loss_of(rest)(latent)
        alive = [held().tensor.shape for held in made if held() is not None]
        # Of the rest, activations have seven rows and five columns.
        assert (torch.Size([7, 5]) in alive) is (not lean)
        del value
