"""What every method owes, whatever it is: the suite finds its subjects by looking."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tiny_study import small_request

from sagittal.params import ParameterError, describe, make
from sagittal.run_request import RunRequest
from sagittal_engine.control import Cancelled, Control
from sagittal_engine.registry import card_problems, implementation, resolve_parameters

FORMS_WITHOUT_TORCH = """
import sys
from sagittal.params import describe
from sagittal_engine.registry import Registry
registry = Registry()
cards = registry.cards()
assert cards and not registry.problems(), registry.problems()
for card in cards:
    assert describe(card.params)
assert "torch" not in sys.modules and "numpy" not in sys.modules
"""


def test_methods_are_described_without_torch():
    found = subprocess.run([sys.executable, "-c", FORMS_WITHOUT_TORCH], capture_output=True, text=True, timeout=100)
    assert found.returncode == 0, found.stderr


def test_a_card_is_sane(card):
    assert card_problems(card) == []
    assert len(card.summary) <= 160 and card.summary.rstrip().endswith("."), "one sentence for the gallery"
    titles = [panel.title for panel in card.panels]
    assert len(set(titles)) == len(titles)
    assert all(panel.about.endswith(".") for panel in card.panels), "every panel says how it was computed"


def test_every_parameter_can_be_shown_in_a_form(card):
    for row in describe(card.params):
        assert row.help.endswith((".", ")")), row.name
        if row.kind == "choice":
            assert str(row.default) in row.choices and all(row.choices.values()), row.name
        if row.kind in ("int", "float") and row.default is not None:
            assert row.minimum is None or row.default >= row.minimum, row.name
            assert row.maximum is None or row.default <= row.maximum, row.name


def test_every_recipe_gives_parameters(card):
    names = [recipe.name for recipe in card.recipes]
    assert len(set(names)) == len(names)
    for recipe in card.recipes:
        assert recipe.title and recipe.source, f"{recipe.name} must say where its values come from"
        params = resolve_parameters(card, RunRequest(method=card.name, recipe=recipe.name))
        assert {name: getattr(params, name) for name in recipe.values} == pytest.approx(recipe.values) or all(
            getattr(params, name) == value for name, value in recipe.values.items()
        )


def test_a_wrong_parameter_is_refused_in_words(card):
    name = describe(card.params)[0].name
    with pytest.raises(ParameterError, match=f"Did you mean '{name}'"):
        make(card.params, {name + "x": 1})


def test_training_resumes_as_if_never_interrupted_and_leaves_an_encoder(trainer, train, registry):
    """Four steps at once, and two and two: every series equal bit for bit, and the encoder with them."""
    request = small_request(trainer)
    whole, folder = train(request)
    half, _ = train(request.model_copy(update={"stop_at": 2}))
    assert half.state.step == 2 and half.resumable
    parts, other_folder = train(resume=half.facts.run)

    losses = {name: points for name, points in whole.metrics.items() if "loss" in name}
    assert losses and all(steps == [1, 2, 3, 4] for steps, _ in losses.values())
    assert losses == {name: points for name, points in parts.metrics.items() if "loss" in name}

    from sagittal_engine.store.encoder import load_weights

    weights, others = load_weights(folder / "encoder"), load_weights(other_folder / "encoder")
    assert weights.keys() == others.keys() and all((weights[name] == others[name]).all() for name in weights)
    facts = json.loads((folder / "encoder" / "encoder.json").read_text())
    assert facts["method"] == trainer.name and facts["step"] == 4
    assert facts.get("architecture"), "encoder.json must say which network the weights belong to"
    images = {panel.source for panel in trainer.panels if type(panel).__name__ == "Images"}
    titles = {panel.title for panel in trainer.panels if type(panel).__name__ == "Images"}
    drawn = {preview["panel"] for preview in whole.previews if preview["path"].endswith(".png")}
    assert drawn <= images | titles and bool(drawn) == bool(images)
    told = {preview["panel"] for preview in whole.previews} - drawn
    assert told <= {getattr(panel, "source", "") for panel in trainer.panels}, "a document is for a panel of the card"


class Borrowed:
    """A context that counts its boundaries and can be told to cancel at one of them."""

    def __init__(self, study, tmp_path, cancel_at=None):
        import torch

        from sagittal_engine.data import RunContext, scans_of

        self.count, self.cancel_at, self.control = 0, cancel_at, Control()
        ids = [facts.scan for facts in study.facts().scans]
        self.context = RunContext(
            "r", scans_of(study, ids, "truth"), torch.device("cpu"), 0,
            control=self.control, post=lambda event: None, cache=tmp_path,
        )  # fmt: skip
        honour = self.control.boundary

        def boundary():
            self.count += 1
            if self.count == self.cancel_at:
                self.control.request_cancel()
            honour()

        self.control.boundary = boundary


def build(trainer, study, tmp_path, cancel_at=None):
    borrowed = Borrowed(study, tmp_path, cancel_at)
    params = resolve_parameters(trainer, small_request(trainer))
    return implementation(trainer)(params, borrowed.context), borrowed


def test_a_batch_depends_on_its_generator_alone(trainer, tiny_study, tmp_path):
    """Equal in any order and when made twice; tensors on the processor."""
    import torch

    from sagittal_engine.prefetch import generator_of, over_tensors

    method, _ = build(trainer, tiny_study, tiny_study.cache_folder)
    method.prepare()

    def tensors(step):
        found = []
        over_tensors(method.batch(step, generator_of(0, step)), lambda t: found.append(t.clone()) or t)
        return found

    state = torch.get_rng_state()
    first, second = tensors(1), tensors(2)
    again_second, again_first = tensors(2), tensors(1)
    assert torch.equal(state, torch.get_rng_state()), "a batch must not draw from torch's global generator"
    assert first and all(t.device.type == "cpu" for t in first)
    for one, other in ((first, again_first), (second, again_second)):
        assert len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert any(a.shape != b.shape or not torch.equal(a, b) for a, b in zip(first, second, strict=False))


def test_the_objectives_are_scalars_called_loss_and_reach_the_weights(trainer, tiny_study, tmp_path):
    import torch

    from sagittal_engine.prefetch import generator_of

    method, _ = build(trainer, tiny_study, tiny_study.cache_folder)
    method.prepare()
    torch.manual_seed(0)
    module = method.module()
    objectives = method.objectives(module, method.batch(1, generator_of(0, 1)))
    assert objectives
    for name, value in objectives.items():
        assert "loss" in name and value.ndim == 0 and torch.isfinite(value), name
    torch.stack(list(objectives.values())).sum().backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
    assert isinstance(method.encoder(module), torch.nn.Module)
    assert all(isinstance(value, float) for value in method.metrics().values())


def test_preparation_is_cancelled_at_any_boundary(trainer, tiny_study, tmp_path):
    """Wherever a cancel comes, it unwinds, and what was cached by then is whole."""
    method, borrowed = build(trainer, tiny_study, tmp_path / "whole")
    method.prepare()
    for cancel_at in sorted({1, borrowed.count // 2, borrowed.count} - {0}):
        cut, _ = build(trainer, tiny_study, tmp_path / f"cut{cancel_at}", cancel_at)
        with pytest.raises(Cancelled):
            cut.prepare()
        assert not list((tmp_path / f"cut{cancel_at}").rglob("*.part-*"))
