"""Methods of two views on 3D patches of a study: training, resuming, live measures, evaluation, refusals."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from sagittal.params import ParameterError, make
from sagittal.run_request import RunRequest
from sagittal_engine.kit import contrast_params
from sagittal_engine.kit.image_source import views_of
from sagittal_engine.nets.image_encoders import NAMES, VOLUME_NAMES, build_image_encoder
from sagittal_engine.registry import Registry, implementation
from sagittal_plugins.simclr import SimCLRParams

TINY = {
    "plane": "patch", "encoder": "small_3d", "image_size": 8, "patches_per_scan": 6, "patch_spacing": 2.0,
    "hidden_dim": 8, "out_dim": 4, "batch_size": 6, "steps": 4, "checkpoint_steps": 2, "preview_steps": 2,
}  # fmt: skip


def contrastive_cards():
    return [card for card in Registry().cards() if issubclass(card.params, contrast_params.ContrastiveParams)]


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("SAGITTAL_THREADS", "1")
    torch.set_num_threads(1)


def write_volumes(folder: Path, count: int) -> list[Path]:
    """Noise with a bright ball, in the right half of odd scans; labelled."""
    import nibabel as nib

    paths = []
    for n in range(count):
        rng = np.random.default_rng(n)
        at = np.indices((16, 14, 12))
        ball = sum((a - c) ** 2 for a, c in zip(at, (4 + 8 * (n % 2), 7, 6), strict=True)) < 9
        image = (rng.random((16, 14, 12)) * 50 + 100 + 150 * ball).astype(np.float32)
        for kind, data in (("images", image), ("labels", ball.astype(np.uint8))):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            path = folder / kind / f"case_{n}.nii.gz"
            nib.save(nib.Nifti1Image(data, np.diag([2.0, 2.0, 2.0, 1.0])), path)
        paths.append(folder / "images" / f"case_{n}.nii.gz")
    return paths


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A study of five labelled volumes, and how to wait for a task or a run."""
    from sagittal_engine.service import Engine
    from sagittal_engine.study import Study

    folder = tmp_path_factory.mktemp("patches")
    write_volumes(folder / "src", 5)
    study = Study.create(folder / "study")
    engine = Engine(Registry(), study)
    finished: dict[str, Any] = {}

    def wait(source):
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline:
            for event in engine.events():
                if type(event).__name__ in ("TaskFinished", "RunFinished"):
                    finished[event.source] = event
            if source in finished:
                return finished.pop(source)
            time.sleep(0.01)
        raise AssertionError("it did not finish")

    def done(source):
        event = wait(source)
        assert not event.error, event.error + event.detail
        return getattr(event, "result", None)

    done(engine.start_import([folder / "src"]))
    yield SimpleNamespace(engine=engine, wait=wait, done=done, runs=study.runs_folder)
    engine.shut_down()
    study.close()


def test_the_form_and_the_networks_name_the_same_encoders():
    assert set(contrast_params.VOLUME_ENCODERS) == set(VOLUME_NAMES)
    assert set(contrast_params.ENCODERS) == set(NAMES)


def test_the_small_encoder_of_patches():
    encoder = build_image_encoder("small_3d", in_channels=1).eval()
    assert 800_000 < sum(p.numel() for p in encoder.parameters()) < 1_000_000
    with torch.no_grad():
        patches = torch.rand(2, 1, 24, 20, 17)
        maps = encoder.maps(patches)
        assert maps.shape == (2, encoder.width, 2, 2, 2)
        assert torch.allclose(encoder(patches), maps.mean((2, 3, 4)), atol=1e-6)


@pytest.mark.parametrize("method", ["simclr", "mio", "byol", "dino"])
def test_training_on_patches_resumes_as_if_never_interrupted(workshop, method):
    from sagittal_engine.store.encoder import load_weights

    engine = workshop.engine
    own = {"prototypes": 8, "local_views": 1} if method == "dino" else {}
    request = RunRequest(
        method=method, parameters={**TINY, **own}, label_set="truth",
        probes=("knn:every=2", "geometry:every=2", "embedding"),
    )  # fmt: skip
    whole = engine.start(request)
    workshop.done(whole)
    half = engine.start(request.model_copy(update={"stop_at": 2}))
    workshop.done(half)
    workshop.done(engine.resume(half))
    one, other = engine.run(whole), engine.run(half)
    losses = {name: points for name, points in one.metrics.items() if "loss" in name}
    assert losses and losses == {name: points for name, points in other.metrics.items() if "loss" in name}
    assert {"knn_accuracy", "alignment", "uniformity"} <= set(one.metrics)
    assert one.previews, "views are shown"
    folders = [workshop.runs / record.facts.folder for record in (one, other)]
    first, second = (load_weights(folder / "encoder") for folder in folders)
    assert all(torch.equal(first[name], second[name]) for name in first)
    facts = json.loads((folders[0] / "encoder" / "encoder.json").read_text())
    assert facts["architecture"] == "small_3d" and facts["plane"] == "patch" and facts["spacing"] == [2.0] * 3

    if method != "simclr":
        return
    from sagittal.facts import EvaluateRequest

    for task, settings in (
        ("knn", {"k": 5}), ("linear", {}), ("linear", {"target": "position"}), ("classify", {"epochs": 1}),
        ("knn", {"k": 5, "encoder": "supervised", "epochs": 1}),
    ):  # fmt: skip
        result = workshop.done(
            engine.start_evaluation(EvaluateRequest(run=whole, task=task, label_set="truth", parameters=settings))
        )
        assert result["summary"] and result["tested"]["images"] == 6
    pixels = EvaluateRequest(run=whole, task="linear", label_set="truth", parameters={"target": "pixels"})
    refused = workshop.wait(engine.start_evaluation(pixels))
    assert "labels of single pixels are read from slices alone" in refused.error


class Lent:
    """As much of a run's context as a method asks for, with three scans in memory."""

    device, seed = torch.device("cpu"), 0

    def __init__(self, folder: Path) -> None:
        self.folder, self.said = folder, []
        self.scans = [
            SimpleNamespace(
                id=str(n), subject=f"s{n}", spacing=(1.0, 1.0, 1.0), meta={}, labels=dict,
                image=lambda n=n: np.random.default_rng(n).random((12, 12, 12)).astype(np.float32),
            )
            for n in range(3)
        ]  # fmt: skip

    def boundary(self):
        pass

    def progress(self, done, total, message):
        pass

    def message(self, level, text):
        self.said.append(text)

    def cached(self, key, make):
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
        return path


def of_patches():
    """Cards of methods that learn from patches; the others must refuse them in words."""
    found = []
    for card in contrastive_cards():
        try:
            card.params(plane="patch", encoder="small_3d")
            found.append(card)
        except ValueError as error:
            assert "Choose axial, coronal or sagittal" in str(error)
    return found


@pytest.mark.parametrize(
    ("card", "encoder"),
    [*((card, "small_3d") for card in of_patches()), (of_patches()[0], "monai_resnet10_3d")],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_method_makes_a_step_on_patches_by_its_recipe(card, encoder, tmp_path):
    recipe = next(recipe for recipe in card.recipes if recipe.name == "quick-cpu-3d")
    small = {"image_size": 8, "patches_per_scan": 8, "batch_size": 8, "hidden_dim": 8, "encoder": encoder}
    own = {"wmse": {"group_size": 8, "out_dim": 4}, "dino": {"prototypes": 8}}.get(card.name, {})
    method = implementation(card)(make(card.params, {**recipe.values, **small, **own}), Lent(tmp_path))
    method.prepare()
    torch.manual_seed(0)
    module = method.module()
    batch = method.batch(1, torch.Generator().manual_seed(0))
    assert batch["images"].shape == (8, 1, 8, 8, 8)
    views = method.views(batch)
    assert all(view.ndim == 5 for view in views) and not torch.equal(views[0], views[1])
    objectives = method.objectives(module, batch)
    torch.stack(list(objectives.values())).sum().backward()
    assert all(torch.isfinite(value) for value in objectives.values())
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in method.encoder(module).parameters())
    method.after_step(module, 1)


def test_large_patches_pass_in_even_portions(monkeypatch):
    from sagittal_engine.probes import encoding

    seen = []

    def features(module, images):
        seen.append(len(images))
        return images.flatten(1).mean(1, keepdim=True)

    patches = torch.rand(7, 1, 4, 4, 4)
    monkeypatch.setattr(encoding, "VOXELS_AT_ONCE", 3 * 4**3)
    found = encoding.encode(features, torch.nn.Identity(), patches, torch.device("cpu"))
    assert torch.allclose(found[:, 0], patches.mean((1, 2, 3, 4))) and seen == [4, 3]
    seen.clear()
    encoding.encode(features, torch.nn.Identity(), patches[:, :, 0], torch.device("cpu"))
    assert seen == [7], "flat images are not parted"


def test_what_does_not_go_together_is_one_sentence_before_a_run(workshop):
    def refused(rule, **values):
        with pytest.raises(ParameterError, match=rule):
            make(SimCLRParams, values)

    refused(r"^The encoder small_3d sees 3D patches, and 'plane' is axial\. Set 'plane'", encoder="small_3d")
    refused(r"^The encoder resnet18 sees slices, and 'plane' is patch\. Choose one of small_3d", plane="patch")
    refused("'data' names flat pictures", plane="patch", encoder="small_3d", data="somewhere")
    refused("Set 'channels' to 1", plane="patch", encoder="small_3d", channels=3)
    make(SimCLRParams, {"plane": "patch", "encoder": "monai_resnet18_3d"})
    lines = workshop.engine.check(RunRequest(method="simclr", parameters={"plane": "patch"}))
    assert any(line.blocking and "sees slices" in line.text for line in lines)


def test_more_patches_than_memory_holds_are_refused(workshop):
    many = {**TINY, "image_size": 512, "patches_per_scan": 4096}
    event = workshop.wait(workshop.engine.start(RunRequest(method="simclr", parameters=many)))
    assert "of memory are free. Lower 'patches_per_scan'" in event.error


def test_strengths_take_the_place_of_the_lists_own():
    def rules(**values):
        return views_of(make(SimCLRParams, {"plane": "patch", "encoder": "small_3d", **values})).rules

    assert rules().rotation == 15 and rules().flip_axes == (1, 2) and rules().gamma == 0.3
    own = rules(rotation=0.0, patch_flips="all", gamma=0.0, holes=0)
    assert own.rotation == 0 and own.flip_axes == (0, 1, 2) and own.gamma == 0 and own.holes == 0
    assert rules(augmentation="simclr").holes == 0
