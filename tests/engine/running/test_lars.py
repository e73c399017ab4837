"""LARS and the scaling of the learning rate, against literal steps."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal.params import TrainingParams, make
from sagittal_engine.optim import LARS, Update, make_optimiser, peak_rate


def literal_step(weight, gradient, velocity, *, rate, momentum, decay, trust=0.001):
    """You, Gitman and Ginsburg 2017, Algorithm 1, number by number."""
    length = math.sqrt(sum(float(w) ** 2 for w in weight.flatten()))
    slope = math.sqrt(sum(float(g) ** 2 for g in gradient.flatten()))
    adapted = weight.ndim > 1
    local = trust * length / (slope + decay * length) if adapted and length > 0 and slope > 0 else 1.0
    decay = decay if adapted else 0.0
    new_velocity, new_weight = velocity.clone(), weight.clone()
    for place in range(weight.numel()):
        change = rate * local * (float(gradient.flatten()[place]) + decay * float(weight.flatten()[place]))
        new_velocity.view(-1)[place] = momentum * float(velocity.flatten()[place]) + change
        new_weight.view(-1)[place] = float(weight.flatten()[place]) - float(new_velocity.view(-1)[place])
    return new_weight, new_velocity


def test_three_steps_of_lars_are_the_algorithm_number_by_number():
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 4), (4,), (2, 3, 2, 2), (3, 3)]
    weights = [torch.randn(s, dtype=torch.float64, generator=generator).requires_grad_() for s in shapes]
    with torch.no_grad():
        weights[3].zero_()
    expected = [w.detach().clone() for w in weights]
    velocities = [torch.zeros_like(w) for w in expected]
    lars = LARS(weights, lr=0.3, momentum=0.9, weight_decay=0.01)
    for step in range(3):
        lars.param_groups[0]["lr"] = 0.3 / (step + 1)
        gradients = [torch.randn(s, dtype=torch.float64, generator=generator) for s in shapes]
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        lars.step()
        for n, gradient in enumerate(gradients):
            expected[n], velocities[n] = literal_step(
                expected[n], gradient, velocities[n], rate=0.3 / (step + 1), momentum=0.9, decay=0.01
            )
    for weight, value in zip(weights, expected, strict=True):
        torch.testing.assert_close(weight.detach(), value, rtol=1e-12, atol=1e-14)


def test_the_length_of_a_lars_step_does_not_depend_on_the_length_of_the_gradient():
    moved = []
    for factor in (1.0, 1000.0):
        weight = torch.nn.Parameter(torch.eye(3, dtype=torch.float64))
        weight.grad = factor * torch.ones(3, 3, dtype=torch.float64)
        LARS([weight], lr=0.5).step()
        moved.append(weight.detach().clone())
    torch.testing.assert_close(moved[0], moved[1])


def test_lars_goes_on_from_its_state_and_refuses_a_closure():
    def made():
        return torch.nn.Parameter(torch.ones(2, 2)), torch.tensor([[1.0, 2.0], [3.0, 4.0]])

    whole, gradient = made()
    lars = LARS([whole], lr=0.1)
    for _ in range(2):
        whole.grad = gradient
        lars.step()
    part, gradient = made()
    first = LARS([part], lr=0.1)
    part.grad = gradient
    first.step()
    second = LARS([part], lr=0.1)
    second.load_state_dict(first.state_dict())
    part.grad = gradient
    second.step()
    assert torch.equal(whole, part)
    with pytest.raises(ValueError, match="no closure"):
        lars.step(lambda: 0.0)


@pytest.mark.parametrize(("scaling", "factor"), [("none", 1.0), ("linear", 2.0), ("sqrt", math.sqrt(512))])
def test_the_peak_rate_grows_with_the_batch_as_it_is_told(scaling, factor):
    params = make(TrainingParams, {"learning_rate": 0.075, "batch_size": 512, "rate_scaling": scaling})
    assert peak_rate(params) == pytest.approx(0.075 * factor)
    optimiser = make_optimiser(params, torch.nn.Linear(2, 2))
    assert optimiser.param_groups[0]["lr"] == pytest.approx(0.075 * factor)


def test_an_update_uses_lars_at_the_scaled_rate_of_the_schedule():
    class Idea:
        def objectives(self, module, batch):
            return {"loss": module(batch).square().mean()}

    params = make(
        TrainingParams,
        {"optimiser": "lars", "rate_scaling": "sqrt", "batch_size": 4, "learning_rate": 0.1, "warmup_steps": 2},
    )
    module = torch.nn.Linear(3, 2)
    before = module.weight.detach().clone()
    update = Update(Idea(), module, params, torch.device("cpu"))
    update(torch.ones(4, 3), 1)
    assert isinstance(update.optimiser, LARS)
    assert update.optimiser.param_groups[0]["lr"] == pytest.approx(0.1)
    assert not torch.equal(before, module.weight)
