"""Puzzles and transforms as methods: batches, learning, looks at held-out subjects, pictures, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sagittal.engine_port import SagittalError
from sagittal.facts import ScanFacts
from sagittal.params import ParameterError, make
from sagittal_engine.kit.cells import put_back
from sagittal_engine.kit.puzzle_pictures import RIGHT, WRONG
from sagittal_plugins.skid import SKIDParams
from sagittal_plugins.skid.method import SKID
from sagittal_plugins.sslacl import SSLACLParams
from sagittal_plugins.sslacl.method import SSLACL
from sagittal_plugins.transform_prediction import TransformParams
from sagittal_plugins.transform_prediction.method import TransformPrediction
from sagittal_plugins.transform_prediction.transforms import CLASSES, transforms, undone

SMALL = {
    "width": 1 / 64, "channels": 1, "image_size": 48, "crop": 12, "arrangements": 8, "batch_size": 8, "steps": 60,
    "optimiser": "adam", "learning_rate": 3e-3, "schedule": "constant", "epoch_of": "slices", "check_images": 64,
    "held_out": 0.25,
}  # fmt: skip
TRANSFORM = {name: SMALL[name] for name in ("channels", "image_size", "batch_size", "epoch_of", "held_out")} | {
    "encoder": "small", "check_images": 32,
}  # fmt: skip


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def made(scan, lent):
    def make_method(kind=SKID, params=SKIDParams, scans=None, **values):
        scans = scans or [scan(str(n), f"subject {n}") for n in range(4)]
        base = TRANSFORM if params is TransformParams else SMALL
        method = kind(make(params, {**base, **values}), lent(scans))
        method.prepare()
        return method

    return make_method


def trained(method, steps):
    torch.manual_seed(0)
    module = method.module()
    descent = torch.optim.Adam(module.parameters(), lr=method.params.learning_rate)
    for step in range(1, steps + 1):
        objectives = method.objectives(module, method.batch(step, generator(step)))
        descent.zero_grad()
        torch.stack(list(objectives.values())).sum().backward()
        descent.step()
        method.after_step(module, step)
    return module


def test_a_puzzle_shows_at_each_place_the_cell_that_its_order_names(made):
    method = made(noise=0.0, rotation=0.0, shift=0.0, scale=1.0, crop_from="middle")
    batch = method.batch(1, generator())
    images, deed = batch["images"], batch["deed"]
    shown, plain = method.shown(images, deed), method.plain(images)
    for n, order in enumerate(deed.arranged.tolist()):
        for place, cell in enumerate(order):
            torch.testing.assert_close(shown[n, place], plain[n, cell], rtol=0, atol=1e-5)
    torch.testing.assert_close(put_back(shown, deed.arranged), plain, rtol=0, atol=1e-5)
    given = method.given(images, deed)
    torch.testing.assert_close(given, 2 * shown - 1)


def test_grey_is_given_three_times_where_that_is_asked_for(made):
    method = made(channels=3)
    batch = method.batch(1, generator())
    given = method.given(batch["images"], batch["deed"])
    assert given.shape == (8, 9, 3, 12, 12) and torch.equal(given[:, :, 0], given[:, :, 2])


@pytest.mark.parametrize(("kind", "params"), [(SKID, SKIDParams), (SSLACL, SSLACLParams)])
def test_a_puzzle_that_can_be_solved_is_learned_and_known_on_others(made, kind, params):
    method = made(kind, params, check_steps=40, noise=0.02, rotation=5.0)
    trained(method, 40)
    found = method.metrics()
    assert found["chance"] == 1 / 8 and found["accuracy"] > 0.6 and found["held_out_accuracy"] > 0.6
    assert "held_out_accuracy" not in method.metrics(), "each look is told once"
    document = method.documents()[0]
    assert document.source == "by_distance"
    values = document.values
    assert values["x"][0] == 0 and len(values["x"]) == len(values["y"]["solved"]) == len(values["y"]["chance"])


def test_the_look_at_others_is_always_the_same_and_disturbs_nothing(made):
    method = made()
    torch.manual_seed(0)
    module = method.module().train()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    before = torch.get_rng_state()
    assert method.check(module) == method.check(module)
    assert module.training and torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())


def test_an_epoch_of_scans_takes_one_slice_of_each(made, scan):
    scans = [scan(str(n), f"subject {n}", depth=2 + n) for n in range(6)]
    method = made(scans=scans, epoch_of="scans", held_out=0.0, batch_size=3)
    images, scan_of = method.training_set().images, method.training_set().scans
    own = {}
    for step in (1, 2):
        for image in method.batch(step, generator(step))["images"]:
            row = next(n for n, other in enumerate(images) if torch.equal(other, image))
            own[scan_of[row]] = own.get(scan_of[row], 0) + 1
    assert own == {one.id: 1 for one in scans}


def test_the_fusing_layer_alone_is_penalised(made):
    method = made()
    module = method.module()
    found = method.objectives(module, method.batch(1, generator()))["fusion_penalty_loss"]
    wanted = 1e-4 * sum(float(w) ** 2 for w in module.encoder.fuse[0].weight.detach().flatten())
    assert found.item() == pytest.approx(wanted, rel=1e-5)


def test_the_single_stream_keeps_a_plain_encoder(made):
    method = made(network="single stream", encoder="small")
    module = method.module()
    assert set(method.objectives(module, method.batch(1, generator()))) == {"puzzle_loss"}
    assert method.encoder_facts()["architecture"] == "small"
    assert method.features(module.eval(), method.training_set().images[:3]).shape == (3, 128)


def test_features_are_one_row_a_slice_whatever_is_asked_for_at_once(made):
    method = made()
    module, images = method.module().eval(), method.training_set().images[:1].expand(40, -1, -1, -1)
    with torch.no_grad():
        features = method.features(module, images)
        assert features.shape == (40, module.encoder.width)
        torch.testing.assert_close(features[0], features[39])
        assert method.feature_maps(module, images[:2]).ndim == 4
        assert method.projections(module, images[:2]).shape == (2, 16)
    one, other = method.view_pair(images[:4], generator())
    assert one.shape == other.shape == (4, 1, 48, 48) and not torch.equal(one, other)


def test_curvature_sees_the_same_loss(made):
    method = made()
    torch.manual_seed(0)
    module, batch = method.module().eval(), method.batch(1, generator())
    outputs, loss_of = method.outputs_and_loss(module, batch)
    with torch.no_grad():
        torch.testing.assert_close(loss_of(outputs), method.objectives(module, batch)["puzzle_loss"])


def test_the_picture_says_which_cells_are_back(made):
    """Frames of the answer: as many blue ones as places where the guess is the order."""
    method = made()
    torch.manual_seed(0)
    module, batch = method.module().eval(), method.batch(1, generator())
    with torch.no_grad():
        picture = method.pictures(module, batch)[0]
        scores = module(method.given(batch["images"], batch["deed"]))
    order, guess = batch["deed"].arranged[:6], method._orders[scores.argmax(1)][:6]
    blue, orange = ((picture.pixels == np.array(colour)).all(2).sum() for colour in (RIGHT, WRONG))
    right = int((order == guess).sum())
    assert blue + orange > 0 and blue == pytest.approx((blue + orange) * right / order.numel(), rel=0.01)
    assert picture.panel == "Puzzles" and "of the batch's 8 solved" in picture.caption


# Transforms -----------------------------------------------------------------------------------------------------


def test_the_54_transforms_are_all_there_are():
    found = transforms(torch.arange(CLASSES), size=100, rotation=15, shift=0.1, scale=1.2)
    rows = {
        (round(float(turn.rad2deg())), *shift.tolist(), round(float(scale), 3))
        for turn, shift, scale in zip(found.turn[:, 0], found.shift[:, 0], found.scale[:, 0], strict=True)
    }
    wanted = {
        (r, d, a, s) for r in (-15, 0, 15) for d in (-10.0, 0.0, 10.0) for a in (-10.0, 0.0, 10.0) for s in (1.0, 1.2)
    }
    assert rows == wanted and len(rows) == CLASSES == 54
    assert not found.turn[26].any() and not found.shift[26].any() and float(found.scale[26]) == 1
    with pytest.raises(ValueError, match="one of 0 to 53; got"):
        transforms(torch.tensor([54]), size=10, rotation=15, shift=0.1, scale=1.2)


def test_a_transform_is_undone_where_the_slice_is_still_seen(made):
    method = made(TransformPrediction, TransformParams)
    x = torch.linspace(-3, 3, 48)
    image = (torch.sin(x)[:, None] * torch.cos(x)[None] / 2 + 0.5).expand(CLASSES, 1, 48, 48)
    deed = method.draw(CLASSES, generator())
    back = undone(method.shown(image, deed), deed.changes)
    torch.testing.assert_close(back[..., 18:30, 18:30], image[..., 18:30, 18:30], rtol=0, atol=0.03)


def test_transforms_are_learned_from(made):
    method = made(TransformPrediction, TransformParams, check_steps=2)
    module = trained(method, 2)
    found = method.metrics()
    assert found["chance"] == 1 / 54 and "held_out_accuracy" in found
    assert F.cross_entropy(module.eval()(torch.zeros(2, 1, 48, 48)), torch.tensor([0, 1])).isfinite()
    with torch.no_grad():
        assert method.pictures(module, method.batch(1, generator()))[0].pixels.ndim == 3


# Bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"crop": 64, "image_size": 96}, "A cell has 32 pixels a side .* 'crop' asks for 64"),
        ({"grid": 2, "arrangements": 25}, "There are 24 orders of 4 cells by the rule 'uniform'"),
        ({"arrangement_rule": "hamming", "arrangements": 2000}, "There are 1887 orders"),
        ({"network": "v4"}, "'network' must be one of"),
        ({"weights": "some.pth"}, "'weights' empty, or set 'network' to single stream"),
        ({"network": "single stream", "crop": 5, "image_size": 48}, "16 pixels a side, and 15 are shown"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_in_words(values, words):
    with pytest.raises(ParameterError, match=words):
        make(SKIDParams, values)


def facts(name, shape, plane=""):
    return ScanFacts(
        scan=name, name=name, subject=name, path="", kind="nifti", shape=shape, spacing=(1.0, 1.0, 1.0),
        orientation="RAS", label_sets=(), meta={"plane": plane} if plane else {},
    )  # fmt: skip


def checks(scans, **values):
    return [(c.ok, c.blocking, c.text) for c in make(SKIDParams, {"width": 0.1, **values}).about_scans(scans)]


def test_slices_smaller_than_a_cell_are_told_before_a_run():
    large, small, tiny = facts("large", (256, 256, 30)), facts("small", (60, 70, 30)), facts("tiny", (2, 200, 30))
    assert checks([large]) == []
    ((ok, blocking, text),) = checks([large, small])
    assert not ok and not blocking and "small are smaller than 85 pixels, which is one cell" in text
    ((ok, blocking, text),) = checks([large, tiny])
    assert not ok and blocking and "tiny have fewer than 3 pixels a side" in text
    assert checks([facts("picture", (200, 200, 1))], plane="sagittal") == []


def test_more_slices_than_fit_into_memory_are_refused_before_a_run():
    many = [facts("long", (256, 256, 10**8))]
    ((ok, blocking, text),) = checks(many)
    assert not ok and blocking and "100000000 slices of 256 pixels" in text and "Set 'slices_per_scan'" in text
    assert checks(many, slices_per_scan=16) == []


def test_scans_of_other_planes_are_left_out_and_told():
    exam = [facts(plane, (256, 256, 256), plane) for plane in ("axial", "coronal", "sagittal")]
    ((ok, _, text),) = checks(exam, plane="sagittal")
    assert ok and text == "1 of 3 scans are sagittal; those of other planes are left out."
    ((ok, blocking, text),) = checks(exam[:2], plane="sagittal")
    assert not ok and blocking and "None of the 2 scans is sagittal" in text
    assert checks([]) == []
    assert "graphics card" in checks([facts("a", (256, 256, 9))], width=1.0)[0][2]


def test_only_the_scans_of_the_plane_are_learned_from(made, scan):
    scans = [scan(str(n), f"subject {n // 2}", meta={"plane": ("axial", "coronal")[n % 2]}) for n in range(6)]
    method = made(scans=scans, held_out=0.0)
    assert set(method.training_set().scans) == {"0", "2", "4"}
    with pytest.raises(SagittalError, match="None of the 6 scans is sagittal"):
        made(scans=scans, plane="sagittal")


def test_scans_with_fewer_slices_than_asked_give_all_they_have(made, scan):
    scans = [scan("0", "a", depth=3), scan("1", "b", depth=9)]
    method = made(scans=scans, slices_per_scan=5, held_out=0.0)
    images = method.training_set()
    assert [images.slices[n] for n in range(len(images)) if images.scans[n] == "0"] == [0, 1, 2]
    assert [images.slices[n] for n in range(len(images)) if images.scans[n] == "1"] == [0, 2, 4, 6, 8]
    assert any(
        "1 of 2 scans have fewer than 5 slices" in text and "scan 0 with 3" in text for _, text in method.context.said
    )


def test_fewer_scans_than_a_batch_are_told(made):
    method = made(epoch_of="scans", held_out=0.0)
    assert len(method.batch(1, generator())["images"]) == 4
    assert any("only 4 scans" in text and "'epoch_of' to slices" in text for _, text in method.context.said)


def test_values_that_are_no_numbers_are_refused_in_words(made, scan):
    with pytest.raises(SagittalError, match="Scan 1 holds 2304 of 13824 values that are no numbers"):
        made(scans=[scan("0", "a"), scan("1", "b", nan_slice=2)])


def test_nothing_to_learn_from_is_refused_in_words(made, scan):
    with pytest.raises(SagittalError, match="at least two slices that are not empty, and the scans have 1"):
        made(scans=[scan("0", "a", depth=1)])
    with pytest.raises(SagittalError, match="one subject, so none can be held out"):
        made(scans=[scan("1", "a")])
    with pytest.raises(SagittalError, match="one of the scans to train on, and a step takes at least two"):
        made(scans=[scan("1", "a")], held_out=0.0, epoch_of="scans")
