"""Training: preparation and its cache, batches, losses, Settings 1 and 2, pictures, recipes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sagittal.engine_port import SagittalError
from sagittal.params import ParameterError, describe, make
from sagittal_plugins.cowpro import CARD
from sagittal_plugins.cowpro.method import CoWPro

Build = Callable[..., CoWPro]


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_preparation_is_cached_per_scan_and_parameters(method: Build, tmp_path: Path) -> None:
    first = method(folder=tmp_path)
    assert len(first.context.made) == 4 and len(first.slices) > 10  # type: ignore[attr-defined]

    def made(**changes: Any) -> list[str]:
        return method(folder=tmp_path, **changes).context.made  # type: ignore[attr-defined]

    assert made() == []
    assert len(made(scans=3)) == 2
    # Superpixels are made at full resolution, whatever the network sees.
    assert [key.split("-")[1] for key in made(image_size=256)] == ["slices", "slices"]
    assert [key.split("-")[1] for key in made(superpixel_min_size=300)] == ["superpixels", "superpixels"]


def test_a_batch_is_a_function_of_its_generator_alone(method: Build) -> None:
    a, b = method(), method()
    a.batch(1, generator(99))
    for left, right in zip(a.batch(7, generator(3)), b.batch(7, generator(3)), strict=True):
        assert torch.equal(left, right)
    assert not torch.equal(a.batch(7, generator(3)).query, a.batch(7, generator(4)).query)


def test_the_views_are_independent_and_the_query_alone_moves_on_request(method: Build) -> None:
    both, one = method(), method(query_only=True)
    drawn = both.batch(0, generator(1))
    assert not torch.equal(drawn.support, drawn.query)
    assert drawn.support.shape == (1, 1, 128, 128) and drawn.support_masks.shape == (1, 2, 128, 128)
    assert set(drawn.query_masks.unique().tolist()) <= {0.0, 1.0}
    still = one.batch(0, generator(1)).support[0, 0].numpy()
    assert any(np.array_equal(still, chosen.image) for chosen in one.slices)


def test_no_episode_is_without_a_superpixel(method: Build) -> None:
    made = method(superpixels_per_slice=40)
    for seed in range(5):
        drawn = made.batch(0, generator(seed))
        assert (drawn.support_masks.sum((2, 3)) > 0).all()


@pytest.mark.parametrize("variant", ["cowpro", "alpnet", "panet"])
def test_every_variant_learns(method: Build, variant: str) -> None:
    made = method(variant=variant)
    torch.manual_seed(0)
    module = made.module().train()
    optimiser = torch.optim.SGD(module.parameters(), 1e-2, momentum=0.9)
    batch, losses = made.batch(0, generator(0)), []
    for _ in range(8):
        objectives = made.objectives(module, batch)
        assert list(objectives) == ["query_loss", "ccr_loss"]
        optimiser.zero_grad()
        torch.stack(list(objectives.values())).sum().backward()
        optimiser.step()
        losses.append(float(objectives["query_loss"].detach()))
    assert losses[-1] < losses[0]
    first = made.metrics()["episode_dice"]
    assert 0 <= first <= 1
    made.objectives(module, made.batch(1, generator(1)))
    last = made.metrics()["episode_dice"]
    again = method(variant=variant)
    again.objectives(module, made.batch(1, generator(1)))
    assert again.metrics()["episode_dice"] == last  # of this step alone, so a resumed run's curve is the same


def test_variants_differ_and_the_ccr_loss_can_be_left_out(method: Build) -> None:
    torch.manual_seed(0)
    module = method(prepare=False).module().eval()
    batch = method().batch(0, generator(0))
    values = {
        variant: float(method(prepare=False, variant=variant).objectives(module, batch)["query_loss"].detach())
        for variant in ("cowpro", "alpnet", "panet")
    }
    assert len(set(values.values())) == 3
    assert list(method(prepare=False, ccr_weight=0.0).objectives(module, batch)) == ["query_loss"]
    assert method(prepare=False).metrics() == {}


@pytest.mark.parametrize(
    "changes", [{"thresholds": "dynamic"}, {"keep": 0.2}, {"renormalise": True}, {"train_window": 2}]
)
def test_options_give_finite_losses_and_gradients(method: Build, changes: dict[str, Any]) -> None:
    made = method(prepare=False, **changes)
    torch.manual_seed(0)
    module = made.module().train()
    objectives = made.objectives(module, method().batch(0, generator(2)))
    torch.stack(list(objectives.values())).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters() if p.grad is not None)


def test_setting_2_leaves_out_slices_with_a_test_label(method: Build) -> None:
    everything = len(method().slices)
    # "left" lies on slices 1 to 6 of 9, "right" on 2 to 7, in both scans.
    assert everything - len(method(exclude_labels="left").slices) == 12
    assert everything - len(method(exclude_labels="left, right").slices) == 14
    with pytest.raises(SagittalError, match=r"spleen.*left, right"):
        method(exclude_labels="spleen")


def test_without_a_superpixel_the_sentence_says_what_to_do(method: Build) -> None:
    with pytest.raises(SagittalError, match="foreground"):
        method(foreground_level=1e6)


def test_scans_that_give_no_slice_are_told_of(method: Build, tmp_path: Path) -> None:
    made = method(prepare=False, folder=tmp_path)
    made.context.scans[1]._image = made.context.scans[1]._image / 1000  # type: ignore[attr-defined]
    made.prepare()
    (message,) = made.context.messages  # type: ignore[attr-defined]
    assert message.startswith("1 of 2 scans give no slice") and "triangle" in message


def test_pictures_show_one_episode_and_leave_the_module_as_it_was(method: Build) -> None:
    made = method()
    module = made.module().train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    (picture,) = made.pictures(module, made.batch(0, generator(0)))
    assert picture.pixels.dtype == np.uint8 and picture.pixels.shape == (2 * 128 + 4, 2 * 128 + 4, 3)
    assert picture.panel == CARD.panels[2].title and picture.caption.startswith("Dice ")
    assert module.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_the_encoder_is_kept_with_how_to_use_it(method: Build) -> None:
    made = method(prepare=False)
    module = made.module()
    assert made.encoder(module) is module.encoder
    facts = made.encoder_facts()
    assert facts["architecture"] == "small" and facts["spacing"] == [2.5, 2.5, 7.7]


def test_published_weights_are_loaded_and_reported(method: Build, tmp_path: Path) -> None:
    torch.manual_seed(1)
    source = method(prepare=False, encoder="resnet18").module().encoder.state_dict()
    torch.save({f"backbone.{name}": tensor for name, tensor in source.items()}, tmp_path / "w.pth")
    torch.manual_seed(2)
    made = method(prepare=False, encoder="resnet18", weights=str(tmp_path / "w.pth"))
    module = made.module()
    assert torch.equal(module.encoder.layer1[0].conv1.weight, source["layer1.0.conv1.weight"])
    (message,) = made.context.messages  # type: ignore[attr-defined]
    assert "w.pth" in message and "loaded" in message
    with torch.no_grad():
        assert module.eval()(torch.zeros(1, 1, 64, 64)).shape == (1, 256, 8, 8)


def test_the_card_and_its_recipes_are_read_without_torch() -> None:
    code = "import sys; import sagittal_plugins.cowpro as c; sys.exit('torch' in sys.modules or not c.CARD.recipes)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_published_recipe_has_the_theses_values() -> None:
    recipes = {recipe.name: recipe for recipe in CARD.recipes}
    params = make(CARD.params, recipes["chaos-t2"].values)
    assert (params.steps, params.learning_rate, params.momentum, params.weight_decay) == (100_100, 1e-3, 0.9, 5e-4)
    assert (params.schedule, params.decay_factor, params.decay_every) == ("exponential", 0.95, 1000)
    assert (params.encoder, params.image_size, params.train_window, params.test_window) == ("resnet101", 256, 4, 2)
    assert (params.background_weight, params.ccr_weight, params.scale, params.threshold) == (0.05, 1.0, 20.0, 0.95)
    quick = make(CARD.params, recipes["quick-cpu"].values)
    assert quick == make(CARD.params, {"foreground": "triangle"})


def test_every_published_value_is_said_beside_its_field() -> None:
    published = next(recipe for recipe in CARD.recipes if recipe.name == "chaos-t2").values
    rows = {row.name: row for row in describe(CARD.params)}
    for name, value in published.items():
        said = rows[name].paper
        assert value == (rows[name].default if said is None else said), name
    with pytest.raises(ParameterError, match="alpnet"):
        make(CARD.params, {"variant": "alpne"})
