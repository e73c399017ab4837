"""PIRL: its loss against the paper's equations, its memory, and what it refuses; views that are puzzles."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal.engine_port import SagittalError
from sagittal.params import ParameterError, make
from sagittal_engine.kit.cells import cut_cells
from sagittal_engine.kit.jigsaw_views import apply_jigsaw, draw_jigsaw, jigsaw_rules
from sagittal_engine.views.cell_views import CellRules
from sagittal_plugins.dino import DINOParams
from sagittal_plugins.pirl import PIRLParams
from sagittal_plugins.pirl.loss import memory_contrast, pirl_parts
from sagittal_plugins.pirl.method import PIRL
from sagittal_plugins.simclr import SimCLRParams
from sagittal_plugins.simclr.method import SimCLR

SMALL = {
    "encoder": "small", "image_size": 48, "batch_size": 8, "out_dim": 8, "hidden_dim": 8, "held_out": 0.25,
    "steps": 40, "schedule": "constant", "optimiser": "adam", "learning_rate": 3e-3,
}  # fmt: skip


def rows(count, seed=0, width=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, dtype=torch.float64, generator=generator)


def literal(features, memory, others, temperature, *, own=None, nce=True):
    """Misra and van der Maaten 2020, Eqs. 3 and 4, term by term."""
    total = 0.0
    for n, (v, m) in enumerate(zip(features, memory, strict=True)):
        kept = [k for j, k in enumerate(others) if own is None or not own[n][j]]

        def match(k, v=v):
            return math.exp(float(v @ k / (v.norm() * k.norm())) / temperature)

        everything = match(m) + sum(map(match, kept))
        total -= math.log(match(m) / everything)
        if nce:
            total -= sum(math.log(1 - match(k) / everything) for k in kept)
    return total / len(features)


@pytest.mark.parametrize("objective", ["nce", "cross-entropy"])
def test_the_contrast_is_its_equations(objective):
    features, memory, others = rows(4), rows(4, 1), rows(7, 2)
    found = memory_contrast(features, memory, others, temperature=0.3, objective=objective)
    wanted = literal(features, memory, others, 0.3, nce=objective == "nce")
    assert float(found.total) == pytest.approx(wanted, rel=1e-10)


def test_a_slice_is_never_its_own_negative():
    features, memory, others = rows(3), rows(3, 1), rows(6, 2)
    own = torch.zeros(3, 6, dtype=torch.bool)
    own[0, 2] = own[2, 5] = own[2, 0] = True
    found = memory_contrast(features, memory, others, own, temperature=0.2)
    assert float(found.total) == pytest.approx(literal(features, memory, others, 0.2, own=own), rel=1e-10)
    changed = others.clone()
    changed[2] = changed[2] + 5
    rest = [row[1:] for row in (features, memory)]
    assert float(memory_contrast(features[:1], memory[:1], changed, own[:1]).total) == pytest.approx(
        float(memory_contrast(features[:1], memory[:1], others, own[:1]).total)
    )
    assert memory_contrast(*rest, others, torch.ones(2, 6, dtype=torch.bool)).total.item() == pytest.approx(0)


def test_the_loss_weighs_puzzle_and_slice():
    """Eq. 5."""
    image, puzzle, memory, others = rows(4), rows(4, 1), rows(4, 2), rows(6, 3)
    one, other = (literal(v, memory, others, 0.5) for v in (puzzle, image))
    found = pirl_parts(image, puzzle, memory, others, share=0.25, temperature=0.5)
    assert float(found.total) == pytest.approx(0.25 * one + 0.75 * other, rel=1e-10)


def test_gradient_goes_into_features_alone_and_is_right():
    features, memory, others = (row.requires_grad_() for row in (rows(3), rows(3, 1), rows(4, 2)))
    memory_contrast(features, memory, others, temperature=0.5).total.backward()
    assert memory.grad is None and others.grad is None
    assert torch.autograd.gradcheck(
        lambda v: memory_contrast(v, rows(3, 1), rows(4, 2), temperature=0.5).total, rows(3).requires_grad_()
    )
    far = memory_contrast(1e3 * rows(3).float(), rows(3).float(), rows(3).float(), temperature=0.01)
    assert far.total.isfinite(), "a memory that is met exactly"


def test_what_does_not_fit_is_refused_in_words():
    with pytest.raises(ValueError, match="temperature must be greater than 0"):
        memory_contrast(rows(2), rows(2), rows(3), temperature=0)
    with pytest.raises(ValueError, match=r"the others must be \(K, 5\); got \(3, 4\)"):
        memory_contrast(rows(2), rows(2), rows(3, width=4))
    with pytest.raises(ValueError, match="one of nce, cross-entropy; got 'softmax'"):
        memory_contrast(rows(2), rows(2), rows(3), objective="softmax")
    with pytest.raises(ValueError, match="between 0 and 1; got 2"):
        pirl_parts(rows(2), rows(2), rows(2), rows(3), share=2)
    with pytest.raises(ParameterError, match="'plane' is patch"):
        make(PIRLParams, {"plane": "patch", "encoder": "small_3d"})
    for params in (PIRLParams, DINOParams):
        with pytest.raises(ParameterError, match="'augmentation' must be one of"):
            make(params, {"augmentation": "jigsaw"})
    with pytest.raises(ParameterError, match="at least 24 pixels a side; 'plane' is axial, and 'image_size' 16"):
        make(SimCLRParams, {"augmentation": "jigsaw", "image_size": 16})


@pytest.fixture
def made(scan, lent):
    def make_method(kind=PIRL, params=PIRLParams, scans=None, **values):
        method = kind(make(params, {**SMALL, **values}), lent(scans or [scan(str(n), f"s{n}") for n in range(4)]))
        method.prepare()
        return method

    return make_method


def step(method, module, descent, number):
    batch = method.batch(number, torch.Generator().manual_seed(number))
    (loss,) = method.objectives(module, batch).values()
    descent.zero_grad()
    loss.backward()
    descent.step()
    method.after_step(module, number)
    return loss.item()


def test_slices_are_remembered_and_learned(made):
    method = made(negatives=12)
    torch.manual_seed(0)
    module = method.module()
    first = module.memory.clone()
    descent = torch.optim.Adam(module.parameters(), lr=3e-3)
    losses = [step(method, module, descent, 1)]
    moved = (module.memory != first).any(1).nonzero().flatten()
    assert sorted(moved.tolist()) == sorted(method._chosen(1).tolist())
    torch.testing.assert_close(module.memory.norm(dim=1), torch.ones(len(first)))
    losses += [step(method, module, descent, n) for n in range(2, 31)]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


def test_a_memory_is_restored_by_whoever_has_no_slices(made, scan, lent):
    module = made().module()
    bare = PIRL(make(PIRLParams, SMALL), lent([scan("0", "a")])).module()
    assert len(bare.memory) == 0
    bare.load_state_dict(module.state_dict())
    assert torch.equal(bare.memory, module.memory)


def test_each_cell_is_encoded_by_itself(made):
    module = made().module().eval()
    puzzle = torch.rand(2, 1, 36, 36)
    changed = puzzle.clone()
    changed[:, :, :12, :12] = 0
    with torch.no_grad():
        one, other = (module.per_cell(module.encoder(cut_cells(p).flatten(0, 1))) for p in (puzzle, changed))
        assert module.puzzle(puzzle).shape == (2, 8)
    differs = (one != other).any(1).unflatten(0, (2, 9))
    assert differs[:, 0].all() and not differs[:, 1:].any()


def test_curvature_sees_the_same_loss(made):
    method = made()
    torch.manual_seed(0)
    module, batch = method.module().eval(), method.batch(1, torch.Generator().manual_seed(0))
    outputs, loss_of = method.outputs_and_loss(module, batch)
    with torch.no_grad():
        torch.testing.assert_close(loss_of(outputs), method.objectives(module, batch)["loss"])


# Views that are puzzles -----------------------------------------------------------------------------------------


def test_a_puzzle_view_holds_every_cell_once():
    images = torch.rand(3, 1, 48, 48)
    rules = CellRules(crop=16, rotation=0, shift=0, scale=1, offsets=0, noise=0)
    view = apply_jigsaw(images, draw_jigsaw(3, 48, rules, torch.Generator().manual_seed(0)))
    assert view.shape == (3, 1, 48, 48)
    for one, whole in zip(cut_cells(view), cut_cells(images), strict=True):
        places = [min(range(9), key=lambda j, cell=cell, whole=whole: (cell - whole[j]).abs().max()) for cell in one]
        assert sorted(places) == list(range(9))
        torch.testing.assert_close(one, whole[places], atol=1e-5, rtol=0)
    assert jigsaw_rules(256).crop == 64


def test_two_views_of_a_slice_are_two_puzzles(made):
    method = made(SimCLR, SimCLRParams, augmentation="jigsaw", noise=0.0)
    batch = method.batch(1, torch.Generator().manual_seed(0))
    views = method.views(batch)
    assert [view.shape for view in views] == [(8, 1, 36, 36)] * 2 and not torch.equal(*views)
    assert method._rules.noise == 0 and method._rules.crop == 12
    module = method.module()
    assert torch.isfinite(method.objectives(module, batch)["loss"])
    assert method.pictures(module, batch)[0].pixels.ndim == 3


def test_contrast_takes_the_scans_of_its_plane(made, scan):
    scans = [scan(str(n), f"s{n // 2}", meta={"plane": ("axial", "coronal")[n % 2]}) for n in range(6)]
    assert set(made(scans=scans, held_out=0.0).training_set().scans) == {"0", "2", "4"}
    with pytest.raises(SagittalError, match="None of the 6 scans is sagittal"):
        made(scans=scans, plane="sagittal")
