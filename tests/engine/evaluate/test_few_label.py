"""Few labels: who gives them, and fine-tunings that differ in their start alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sagittal.engine_port import SagittalError
from sagittal.params import ParameterError, make
from sagittal_engine.evaluate.few_label import Bench, Start, Unlabelled, cell_seed
from sagittal_engine.evaluate.few_label_params import ASKED, RECIPES, FineTuneParams
from sagittal_engine.evaluate.subject_draws import LabelledDraw, draw_subjects, figures_of_draws
from sagittal_engine.loop import first_module
from sagittal_engine.scaffold.bench import BenchContext, bench_scans

POOL = tuple(f"p{n}" for n in range(10))
DRAW = LabelledDraw(1, 0, ("subject 1",))


@pytest.fixture(autouse=True)
def one_thread():
    """Threads of small sums mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_draws_are_a_function_of_subjects_and_seed_alone():
    first = draw_subjects(POOL, (1, 3), 4, 7, tested=("t",))
    assert first == draw_subjects([*reversed(POOL), "p3"], (1, 3), 4, 7, tested=()), "in any order, each once"
    assert first != draw_subjects(POOL, (1, 3), 4, 8, tested=())
    assert [len(draw.subjects) for draw in first] == [1] * 4 + [3] * 4
    assert draw_subjects(POOL, (3,), 4, 7, tested=()) == first[4:], "a budget's draws do not depend on the others"


def test_everybody_is_drawn_once():
    for budget in (0, 10):
        (draw,) = draw_subjects(POOL, (budget,), 5, 0, tested=())
        assert draw.subjects == tuple(sorted(POOL)) and draw.budget == budget


def test_a_subject_on_both_sides_and_too_large_a_budget_are_refused():
    with pytest.raises(ValueError, match="p2 would be tested and give labels"):
        draw_subjects(POOL, (1,), 1, 0, tested=("p2", "x"))
    with pytest.raises(ValueError, match=r"a budget of 11 labelled subjects needs as many .* there are 10"):
        draw_subjects(POOL, (11,), 1, 0, tested=())


def test_a_subject_counts_once_whatever_its_scans():
    draws = [
        [
            {"scan": "a", "subject": "s", "dice_mean": 0.2},
            {"scan": "b", "subject": "s", "dice_mean": 0.4},
            {"scan": "c", "subject": "t", "dice_mean": 0.9},
        ],
        [{"scan": "a", "subject": "s", "dice_mean": 0.5}, {"scan": "c", "subject": "t", "dice_mean": None}],
    ]
    found = figures_of_draws(draws, resamples=200, seed=0)
    assert found["dice_mean"]["mean"] == pytest.approx(np.mean([0.3, 0.9, 0.5])) and found["dice_mean"]["n"] == 2
    assert figures_of_draws([[{"scan": "a", "subject": "s", "dice_mean": None}]], resamples=100, seed=0) == {}


def test_parameters_are_refused_in_words_and_recipes_fit():
    for name, value, words in (
        ("budgets", "-1", "0 or more"),
        ("budgets", "one", "'one' is none"),
        ("image_size", 8, "16 pixels"),
    ):
        with pytest.raises(ParameterError, match=words):
            make(FineTuneParams, {name: value})
    for recipe in RECIPES:
        make(FineTuneParams, recipe.values)
    assert set(ASKED) <= set(FineTuneParams.model_fields)
    published = next(recipe for recipe in RECIPES if recipe.name == "acdc-few-label").published
    assert "0.729 ± 0.014" in " ".join(published.values()) and "0.598 ± 0.023" in " ".join(published.values())
    assert FineTuneParams(budgets="8, 1 2, 2").counts() == (1, 2, 8)


def test_the_network_is_the_encoders_and_its_images_too():
    facts = {"architecture": "unet_8", "in_channels": 1, "image_size": 40, "stem": "imagenet"}
    params = FineTuneParams().training(("a", "b"), facts, "somewhere")
    assert (params.encoder, params.image_size, params.start_from, params.names()) == (
        "unet_8",
        40,
        "somewhere",
        ("a", "b"),
    )
    assert FineTuneParams(image_size=48).training(("a",), facts, "").image_size == 48
    assert FineTuneParams().training(("a",), {}, "").image_size == 64
    with pytest.raises(SagittalError, match="monai_resnet10_3d"):
        FineTuneParams().training(("a",), {"architecture": "monai_resnet10_3d"}, "run")


def bench(tmp_path, **values):
    values = {"steps": 2, "batch_size": 4, "image_size": 32, "encoder": "unet_8"} | values
    scans = bench_scans(4)
    context = BenchContext(tmp_path, scans)
    return Bench(
        pool=scans[:3], test=scans[3:], labels=("liver", "spleen"), params=FineTuneParams(**values),
        device=torch.device("cpu"), seed=0, cached=context.cached, boundary=lambda: None,
    )  # fmt: skip


def test_a_fine_tuning_repeats_bit_for_bit_and_tests_every_scan(tmp_path):
    scratch = Start("scratch", "from scratch")
    own = bench(tmp_path)
    first, again = own.cases(scratch, DRAW), own.cases(scratch, DRAW)
    assert first == again and [case["scan"] for case in first] == [f"{3:016x}"]
    assert {"dice_liver", "hd95_spleen", "asd_mean", "volume_error_mean"} <= set(first[0])
    assert own.cases(scratch, dataclasses.replace(DRAW, repeat=1)) != first


def test_a_start_changes_the_encoder_alone(tmp_path):
    """The weights that scratch would draw, given as a start: the very same figures."""
    own = bench(tmp_path)
    seed = cell_seed(0, DRAW)
    method, _ = own._trained(own.params.training(own.labels, {}, ""), DRAW)
    drawn = first_module(method, seed, torch.device("cpu")).network.encoder.state_dict()
    save_file({name: tensor.contiguous() for name, tensor in drawn.items()}, tmp_path / "same.safetensors")
    start = Start("same", "the same", tmp_path / "same.safetensors", {"architecture": "unet_8"})
    assert own.cases(start, DRAW) == own.cases(Start("scratch", "from scratch"), DRAW)


def test_the_teacher_sees_the_rest_of_the_pool_without_its_labels(tmp_path):
    own = bench(tmp_path, mean_teacher=True)
    scans = own._scans(DRAW)
    assert [bool(scan.labels()) for scan in scans] == [True, False, False]
    assert all(isinstance(scan, Unlabelled) for scan in scans[1:]) and all(s.subject != "subject 3" for s in scans)
    assert own.cases(Start("scratch", "from scratch"), DRAW)


def test_training_that_breaks_down_is_told_in_words(tmp_path):
    own = bench(tmp_path, learning_rate=100, optimiser="sgd", steps=30, dice_weight=0)
    with pytest.raises(SagittalError, match=r"Fine-tuning broke down at step \d+: .*Lower the learning rate"):
        own.cases(Start("scratch", "from scratch"), DRAW)
