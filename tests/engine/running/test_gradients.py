"""Gradients per objective: computed when looked up, broken ones left out, the plain sum where a method has no say."""

from __future__ import annotations

import math

import pytest
import torch
from running_methods.editing.method import Editing

from sagittal.events import MessageRaised, RunFinished
from sagittal.params import TrainingParams
from sagittal.run_request import RunRequest
from sagittal_engine.kit.pretext import PretextBase
from sagittal_engine.ledger import Ledger
from sagittal_engine.optim import Gradients, NonFiniteLoss, Update, edits_gradients

CPU = torch.device("cpu")


class Line(PretextBase):
    """Two objectives of one weight vector; `seen` holds what `combine` was given."""

    def __init__(self, answer=None):
        self.answer, self.asked = answer, 0

    def module(self):
        torch.manual_seed(0)
        return torch.nn.Linear(3, 1)

    def batch(self, step, generator):
        return torch.ones(2, 3)

    def objectives(self, module, batch):
        out = module(batch)
        return {"one_loss": out.square().mean(), "other_loss": (out - 1).square().mean()}

    def combine(self, gradients):
        self.asked += 1
        return self.answer(gradients) if self.answer else None


class Plain(Line):
    """As `Line`, without a combination of its own."""

    combine = PretextBase.combine


class Broken(Line):
    """The value ("value") or the gradient ("slope") of one objective, or of both, is no finite number."""

    def __init__(self, *kinds, answer=None):
        super().__init__(answer)
        self.kinds = kinds

    def objectives(self, module, batch):
        good = super().objectives(module, batch)
        zero = (0 * module.weight).sum()
        bad = {"value": lambda v: v * math.nan, "slope": lambda v: v + zero.sqrt(), "": lambda v: v}
        return {name: bad[kind](value) for (name, value), kind in zip(good.items(), self.kinds, strict=True)}


def updated(method, **values):
    module = method.module()
    update = Update(method, module, TrainingParams(learning_rate=0.1, momentum=0.0, **values), CPU)
    return module, update, update(method.batch(1, torch.Generator()), 1)


def of(method, name):
    """The gradient of one objective by hand."""
    module = method.module()
    return torch.autograd.grad(method.objectives(module, torch.ones(2, 3))[name], list(module.parameters()))


def test_each_look_is_one_backward_pass_and_nothing_else_is(monkeypatch):
    passes = []
    whole = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: passes.append(1) or whole(*a, **k))
    method = Line()
    module = method.module()
    objectives = method.objectives(module, torch.ones(2, 3))
    found = Gradients(objectives, list(module.parameters()), torch.amp.GradScaler("cpu", enabled=False))
    assert len(found) == 2 and list(found) == ["one_loss", "other_loss"] and "one_loss" in found and not passes
    first = found["other_loss"]
    assert len(passes) == 1
    again = found["other_loss"]
    assert len(passes) == 2 and all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    with pytest.raises(KeyError):
        found["third_loss"]


def test_no_combination_is_the_plain_sum_bit_for_bit():
    one, two = updated(Line())[0], updated(Plain())[0]
    assert edits_gradients(Line()) and not edits_gradients(Plain())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_a_combination_is_descended_as_it_is():
    method = Line(lambda gradients: [3 * g for g in gradients["one_loss"]])
    before = method.module()
    module, _, objectives = updated(method)
    for new, old, slope in zip(module.parameters(), before.parameters(), of(method, "one_loss"), strict=True):
        torch.testing.assert_close(new, old - 0.3 * slope)
    assert list(objectives) == ["one_loss", "other_loss"]


@pytest.mark.parametrize("kind", ["value", "slope"])
@pytest.mark.parametrize("answer", [None, lambda gradients: [sum(p) for p in zip(*gradients.values(), strict=True)]])
def test_a_broken_objective_is_left_out_of_the_step(kind, answer):
    before = Line().module()
    module, update, objectives = updated(Broken(kind, "", answer=answer))
    for new, old, slope in zip(module.parameters(), before.parameters(), of(Line(), "other_loss"), strict=True):
        torch.testing.assert_close(new, old - 0.1 * slope)
    assert list(objectives) == ["other_loss"] and list(update.left_out) == ["one_loss"]
    assert ("gradient" in update.left_out["one_loss"]) == (kind == "slope")
    assert update.left_out_count == 1 == update.state()["left_out"]
    fresh = Update(Line(), Line().module(), TrainingParams(), CPU)
    fresh.restore(update.state())
    assert fresh.left_out_count == 1


@pytest.mark.parametrize("kinds", [("value", "value"), ("slope", "value"), ("slope", "slope")])
def test_where_all_are_broken_the_run_ends_and_nothing_has_changed(kinds):
    answer = lambda gradients: [sum(p) for p in zip(*gradients.values(), strict=True)]  # noqa: E731
    for method in (Broken(*kinds), Broken(*kinds, answer=answer)):
        module = method.module()
        update = Update(method, module, TrainingParams(learning_rate=0.1), CPU)
        before = [p.detach().clone() for p in module.parameters()]
        with pytest.raises(NonFiniteLoss, match=r"one_loss|other_loss"):
            update(method.batch(1, torch.Generator()), 1)
        assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


def test_a_sum_of_fewer_is_no_total():
    ledger = Ledger()
    for step, named in enumerate(({"a_loss": 1.0, "b_loss": 2.0}, {"b_loss": 2.0}, {"a_loss": 1.0, "b_loss": 1.0}), 1):
        ledger.add_objectives(step, {name: torch.tensor(value) for name, value in named.items()})
    found = ledger.take()
    assert found["loss"] == ((1, 3), (3.0, 2.0)) and found["b_loss"][0] == (1, 2, 3)
    assert ledger.smoothed == pytest.approx(0.99 * 3 + 0.01 * 2)


def test_a_run_counts_what_was_left_out_and_says_so_once(engine, listener):
    values = {"trouble": "nan", "trouble_at": 3, "steps": 5}
    run = engine.start(RunRequest(method="editing", parameters=values, device="cpu"))
    ended = listener.until(lambda e: isinstance(e, RunFinished) and e.source == run)
    assert not ended.error and issubclass(Editing, PretextBase)
    metrics = engine.run(run).metrics
    assert metrics["main_loss"][0] == [1, 2, 4, 5] and metrics["side_loss"][0] == [1, 2, 3, 4, 5]
    assert metrics["objectives_left_out"] == ([3], [1.0])
    told = [e.text for e in listener.of(MessageRaised, run) if "main_loss" in e.text]
    assert len(told) == 1 and "Step 3 was made without 'main_loss': 'main_loss' became nan" in told[0]
