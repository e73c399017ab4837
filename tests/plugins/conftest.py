"""What the tests of contrastive losses share: two small views, and the laws such a loss keeps."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def views_of(count=6, width=5, seed=0, dtype=torch.float64):
    """Raw projections of very different lengths, views of the same image alike."""
    generator = torch.Generator().manual_seed(seed)
    base = torch.randn(count, width, dtype=torch.float64, generator=generator)
    lengths = torch.rand(2, count, 1, dtype=torch.float64, generator=generator) * 4 + 0.2
    noise = torch.randn(2, count, width, dtype=torch.float64, generator=generator)
    return tuple((length * (base + 0.5 * extra)).to(dtype) for length, extra in zip(lengths, noise, strict=True))


@pytest.fixture
def two_views():
    return views_of


def literal_cosine(u, v):
    """Σ u_i v_i / (‖u‖ ‖v‖), term by term."""
    dot = sum(float(x) * float(y) for x, y in zip(u, v, strict=True))
    lengths = [sum(float(x) ** 2 for x in w) ** 0.5 for w in (u, v)]
    return dot / (lengths[0] * lengths[1])


@pytest.fixture
def literal_pairs():
    """All ordered pairs of a batch as (anchor, partner, cosine, kind), kind "positive" or "negative"."""

    def pairs(view_a, view_b):
        rows, count = [*view_a, *view_b], len(view_a)
        found = []
        for i in range(2 * count):
            for k in range(2 * count):
                if i != k:
                    kind = "positive" if (i + count) % (2 * count) == k else "negative"
                    found.append((i, k, literal_cosine(rows[i], rows[k]), kind))
        return found

    return pairs


@pytest.fixture
def lawful():
    """Checks what every loss on cosines of pairs keeps; `second` also checks second derivatives."""

    def check(loss, *, scale_free=True, swaps=True, second=True):
        a, b = views_of()
        value = loss(a, b)
        order = torch.randperm(len(a), generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(loss(a[order], b[order]), value, rtol=1e-10, atol=1e-12)
        if swaps:
            torch.testing.assert_close(loss(b, a), value, rtol=1e-10, atol=1e-12)
        leaves = [view.clone().requires_grad_() for view in (a, b)]
        gradients = torch.autograd.grad(loss(*leaves), leaves)
        if scale_free:
            torch.testing.assert_close(loss(3 * a, b / 7), value, rtol=1e-10, atol=1e-12)
            for view, gradient in zip((a, b), gradients, strict=True):
                radial = (view * gradient).sum(1)
                torch.testing.assert_close(radial, torch.zeros_like(radial), rtol=0, atol=1e-9)
        small = [view[:4, :3].clone().requires_grad_() for view in (a, b)]
        assert torch.autograd.gradcheck(loss, small)
        if second:
            assert torch.autograd.gradgradcheck(loss, small)
        assert value.dtype == torch.float64 and value.ndim == 0
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = loss(a.to(torch.bfloat16), b.to(torch.bfloat16))
        exact = loss(a.to(torch.bfloat16).double(), b.to(torch.bfloat16).double())
        assert half.dtype == torch.float32
        torch.testing.assert_close(half.double(), exact, rtol=1e-4, atol=1e-5)

    return check


@pytest.fixture
def needs_two_images():
    """A batch of one is refused in words."""

    def check(loss):
        a, b = views_of(count=1)
        with pytest.raises(ValueError, match="at least 2; got 1"):
            loss(a, b)
        with pytest.raises(ValueError, match="both views must be"):
            loss(views_of()[0], views_of(count=5)[1])

    return check
