"""GCL as a whole: what it minimises, how gradients are mitigated, what it leaves out, and what it shows."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Mapping

import pytest
import torch

from sagittal.engine_port import SagittalError
from sagittal.params import ParameterError, make
from sagittal_engine.kit.pretext import PretextBase
from sagittal_engine.optim import Gradients, Update
from sagittal_engine.prefetch import generator_of
from sagittal_plugins.gcl import CARD, GCLParams
from sagittal_plugins.gcl.contrast import image_contrast
from sagittal_plugins.gcl.method import GCL
from sagittal_plugins.gcl.mitigator import GradientMitigator

CPU = torch.device("cpu")
THREE = ("subject", "slice_quantile", "phase")


class Plain(GCL):
    """The same without a combination of its own: what any method's plain training does."""

    combine = PretextBase.combine


def network_of(method):
    torch.manual_seed(0)
    return method.module()


def batch_of(method, step=1):
    return method.batch(step, generator_of(0, step))


def trained(method, steps=3):
    """The network after some steps of the engine's own update, and that update."""
    module = network_of(method)
    update = Update(method, module, method.params, CPU)
    for step in range(1, steps + 1):
        update(batch_of(method, step), step)
        method.after_step(module, step)
    return module, update


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_there_is_an_objective_per_branch_and_label(gcl):
    method = gcl()
    assert method.labels == THREE
    losses = method.objectives(network_of(method), batch_of(method))
    assert list(losses) == [f"{branch}_loss_{name}" for branch in ("image", "pixel") for name in THREE]
    assert all(value.ndim == 0 and torch.isfinite(value) and value > 0 for value in losses.values())
    assert list(gcl(pixel_weight=0).objectives(network_of(method), batch_of(method))) == list(losses)[:3]
    heavy = gcl(pixel_weight=2.5).objectives(network_of(method), batch_of(method))
    torch.testing.assert_close(heavy["pixel_loss_phase"], 2.5 * losses["pixel_loss_phase"])


def test_one_label_and_images_alone_is_supervised_contrast(gcl):
    method = gcl(meta_labels="slice_quantile", pixel_weight=0)
    module, batch = network_of(method), batch_of(method)
    views = torch.cat(method.views(batch))
    rows = torch.nn.functional.normalize(module(views), dim=1)
    codes = batch["labels"][0].codes
    expected = image_contrast(rows, codes.unsqueeze(1) == codes, temperature=0.1)
    torch.testing.assert_close(method.objectives(network_of(method), batch)["image_loss_slice_quantile"], expected)


@pytest.mark.parametrize("mitigator", ["gradvac", "pcgrad", "sum"])
def test_one_label_is_plain_training_bit_for_bit(gcl, mitigator):
    values = {"meta_labels": "phase", "mitigator": mitigator, "momentum": 0.9}
    assert same(trained(gcl(**values))[0], trained(gcl(Plain, **values))[0])


def test_the_plain_sum_is_plain_training_even_where_agreement_is_measured(gcl):
    values = {"mitigator": "sum", "measure_steps": 2}
    measured = gcl(**values)
    assert same(trained(measured)[0], trained(gcl(Plain, **values))[0])
    squares = {document.source: document.values for document in measured.documents()}
    assert set(squares) == {"image_cosines", "pixel_cosines", "conflicts"}
    assert measured.documents() == [], "told once"


def by_hand(method, module, batch):
    """Objective → the whole gradient, a tensor per parameter."""
    losses = method.objectives(module, batch)
    trainable = [p for p in module.parameters() if p.requires_grad]
    return {
        name: torch.autograd.grad(value, trainable, retain_graph=True, materialize_grads=True)
        for name, value in losses.items()
    }


@pytest.mark.parametrize("mode", ["gradvac", "pcgrad"])
def test_the_encoders_gradients_are_mitigated_branch_by_branch_and_heads_are_summed(gcl, mode):
    method = gcl(mitigator=mode)
    module, batch = network_of(method), batch_of(method)
    names = [name for name, _ in module.named_parameters()]
    hand = by_hand(method, module, batch)
    objectives = method.objectives(module, batch)
    given = Gradients(objectives, list(module.parameters()), torch.amp.GradScaler("cpu", enabled=False))
    found = method.combine(given)
    shared = [n for n, name in enumerate(names) if name.startswith("encoder.")]
    assert 0 < len(shared) < len(names)
    total = 0
    for branch in ("image", "pixel"):
        rows = [torch.cat([hand[f"{branch}_loss_{name}"][n].flatten() for n in shared]) for name in THREE]
        total = total + GradientMitigator(3, mode=mode)(torch.stack(rows))
    torch.testing.assert_close(torch.cat([found[n].flatten() for n in shared]), total, rtol=1e-4, atol=1e-6)
    for n in set(range(len(names))) - set(shared):
        torch.testing.assert_close(found[n], sum(gradient[n] for gradient in hand.values()), rtol=1e-4, atol=1e-6)
    assert all(part.shape == p.shape for part, p in zip(found, module.parameters(), strict=True))
    assert (module.mitigators["image"].targets != 0).any() == (mode == "gradvac")


class Watched(Mapping):
    """Gradients that note, at every look, how many of the earlier ones are still held."""

    def __init__(self, names, parameters):
        self.names, self.parameters, self.alive, self.held = names, parameters, [], []

    def __getitem__(self, name):
        gc.collect()
        self.held.append(sum(one() is not None for one in self.alive))
        made = [torch.randn_like(p) for p in self.parameters]
        self.alive.append(weakref.ref(made[0]))
        return made

    def __iter__(self):
        return iter(self.names)

    def __len__(self):
        return len(self.names)


def test_one_looked_up_gradient_is_held_at_a_time_beside_the_rows(gcl):
    """M rows, the sum, and the gradient that is being looked up: M + 2 vectors, however many labels there are."""
    method = gcl()
    module = network_of(method)
    names = list(method.objectives(module, batch_of(method)))
    watched = Watched(names, list(module.parameters()))
    method.combine(watched)
    assert watched.held == [0] * 6
    encoder = sum(p.numel() for p in module.encoder.parameters())
    assert method._rows.shape == (3, encoder)


def test_an_objective_that_is_no_number_is_left_out_of_the_step(gcl):
    class Breaks(GCL):
        def objectives(self, module, batch):
            losses = dict(super().objectives(module, batch))
            losses["image_loss_phase"] = losses["image_loss_phase"] * math.nan
            return losses

    method = gcl(Breaks)
    module, update = trained(method, steps=2)
    assert list(update.left_out) == ["image_loss_phase"] and update.left_out_count == 2
    assert all(torch.isfinite(value).all() for value in module.state_dict().values())
    targets = module.mitigators["image"].targets
    assert targets[:, 2].eq(0).all() and targets[0, 1] != 0


def test_labels_of_no_use_are_left_out_and_said(gcl, scans):
    method = gcl(meta_labels="subject, scanner, phase")
    assert method.labels == ("subject", "phase")
    assert any("'scanner' is left out" in text and "'A'" in text for _, text in method.context.said)
    assert network_of(method).mitigators["image"].targets.shape == (3, 3), "the network is the parameters' alone"
    trained(method)
    with pytest.raises(SagittalError, match="No meta label is left"):
        gcl(meta_labels="scanner, labels")
    for scan in scans:
        scan.subject = "one"
    with pytest.raises(SagittalError, match=r"subject, slice_quantile, phase, scanner"):
        gcl(meta_labels="subject")


def test_an_image_without_a_value_takes_part_in_the_other_labels(gcl):
    method = gcl(batch_size=48)
    batch = batch_of(method)
    phase, subject = batch["labels"][2], batch["labels"][0]
    assert len(subject.known) == 96 and len(phase.known) == 96 - 2 * 6


def test_wrong_labels_on_purpose(gcl):
    clean, noisy, worse = (gcl(label_noise=share)._codes for share in (0.0, 0.25, 0.5))
    for row in range(3):
        known = clean[row] >= 0
        for codes, share in ((noisy, 0.25), (worse, 0.5)):
            assert torch.equal(codes[row] >= 0, known)
            assert (codes[row] != clean[row]).sum() == round(share * int(known.sum()))
        assert ((noisy[row] != clean[row]) & (worse[row] == clean[row])).sum() == 0
    assert torch.equal(gcl(label_noise=0.25)._codes, noisy)


def test_numbers_and_squares_tell_of_conflicts_and_of_the_filter(gcl):
    method = gcl(fraction=0.5, steps=10)
    trained(method, steps=10)
    numbers = method.metrics()
    assert numbers["pace"] == 1.0 and numbers["kept_fraction"] == 0.5
    assert 0 <= numbers["hardness"] <= numbers["kept_hardness"] <= 1, "at the end the hard are kept"
    assert 0 <= numbers["image_conflict_subject_and_phase"] <= 1
    assert -1 <= numbers["pixel_cosine_subject_and_phase"] <= 1
    assert numbers["positives_subject"] > 0 and not any("conflict" in name for name in method._conflicts.numbers())
    document = {document.source: document.values for document in method.documents()}["image_cosines"]
    assert document["labels"] == list(THREE) and set(document["values"]) == {"before", "after"}
    assert all(math.isnan(document["values"]["before"][i][i]) for i in range(3))
    sources = {getattr(panel, "source", "") for panel in CARD.panels}
    assert {"image_cosines", "pixel_cosines", "conflicts", "Kept pixels"} <= sources


@pytest.mark.parametrize("patches", [False, True])
def test_the_kept_pixels_are_drawn(gcl, scans, patches):
    own = (
        {"plane": "patch", "encoder": "small_3d", "image_size": 16, "patches_per_scan": 4, "batch_size": 24}
        if patches
        else {}
    )
    for scan in scans:
        scan.depth = 48 if patches else 6
    method = gcl(**own)
    module, batch = network_of(method).eval(), batch_of(method)
    with torch.no_grad():
        views, kept = method.pictures(module, batch)
    assert (views.panel, kept.panel) == ("Views", "Kept pixels") and "pace 0.05" in kept.caption
    assert kept.pixels.dtype.name == "uint8" and kept.pixels.shape == (20 + 3 * 202, 4 * 176 + 18, 3)
    assert (kept.pixels == (86, 180, 233)).all(-1).any() and (kept.pixels == (230, 159, 0)).all(-1).any()
    assert len(gcl(pixel_weight=0, **own).pictures(module, batch)) == 1


def test_curvature_finds_outputs_and_the_same_loss_of_them(gcl):
    for method in (gcl(), gcl(pixel_weight=0)):
        module, batch = network_of(method), batch_of(method)
        outputs, loss_of = method.outputs_and_loss(module, batch)
        whole = torch.stack(list(method.objectives(module, batch).values())).sum()
        torch.testing.assert_close(loss_of([part.detach().requires_grad_() for part in outputs]), whole)


def test_heads_have_no_batch_normalisation_and_a_label_must_be_chosen():
    with pytest.raises(ParameterError, match="'projector_norm' and 'projector_last_norm' to false"):
        make(GCLParams, {"projector_norm": True})
    with pytest.raises(ParameterError, match="at least one meta label"):
        make(GCLParams, {"meta_labels": " , "})
    with pytest.raises(ParameterError, match="needs 16 pixels a side; 'image_size' is 8"):
        make(GCLParams, {"image_size": 8})


def test_wherever_it_is_named_it_is_called_a_reconstruction():
    assert CARD.note.startswith("Reconstructed from the published description")
    recipes = {recipe.name: recipe.values for recipe in CARD.recipes}
    assert {f"acdc-only-{name}" for name in ("subject", "slice-quantile", "phase")} <= set(recipes)
    assert {recipes[f"acdc-{name}"]["mitigator"] for name in ("style", "pcgrad", "plain-sum")} == {
        "gradvac", "pcgrad", "sum",
    }  # fmt: skip
    assert [recipes[f"acdc-k-0{k}"]["fraction"] for k in (1, 5, 7, 9)] == [0.1, 0.5, 0.7, 0.9]
    assert not recipes["acdc-without-filter"]["filter"] and recipes["acdc-pcl-style"]["pixel_weight"] == 0
