"""GraTa against a slow, literal transcription of its seven steps, and its properties."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sagittal.params import ParameterError, make
from sagittal_engine.evaluate.adapting import Said, case_of
from sagittal_engine.registry import recipe_of
from sagittal_engine.views.strong_views import apply_strong, draw_strong
from sagittal_plugins.grata import CARD, GraTaParams
from sagittal_plugins.grata.alignment import entropy_loss, gradient_cosine, step_scale


def generator(seed=3):
    return torch.Generator().manual_seed(seed)


NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


class Literal:
    """One image at a time, one forward per view: Chen et al. 2025, steps 1 to 7, with torch's own layers.

    Of volumes the flips and turns are those of the first two axes. `auxiliary` and `pseudo` name the losses of steps 1
    and 4, `step` is the length of step 2, `aligned` the rule of step 5.
    """

    def __init__(
        self, network, *, activation="sigmoid", auxiliary="entropy", pseudo="consistency", step=1.0, aligned=True,
        full=False, optimiser=None,
    ):  # fmt: skip
        self.network = copy.deepcopy(network).train()
        for part in self.network.modules():
            if isinstance(part, NORMS):
                part.running_mean = part.running_var = None
                part.track_running_stats = False
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
        norms = [part for part in self.network.modules() if isinstance(part, NORMS)]
        self.theta = [p.requires_grad_(True) for norm in norms for p in (norm.weight, norm.bias)]
        self.optimiser = optimiser(self.theta) if optimiser else torch.optim.Adam(self.theta, lr=1e-4)
        self.beta = self.optimiser.param_groups[0]["lr"]
        self.softmax, self.step, self.aligned, self.full = activation == "softmax", step, aligned, full
        self.losses = {"entropy": self.entropy, "consistency": self.consistency}
        self.auxiliary, self.pseudo = auxiliary, pseudo

    def said(self, x):
        return self.network(x).softmax(1) if self.softmax else torch.sigmoid(self.network(x))

    def entropy(self, x, draws):
        p = self.said(x)
        each = -p * torch.log(p + 1e-6)
        if self.full and not self.softmax:
            each = each - (1 - p) * torch.log(1 - p + 1e-6)
        return each.sum(1).mean()

    def consistency(self, x, draws):
        with torch.no_grad():  # step 3
            maps = [
                self.said(x),
                self.said(x.flip(3)).flip(3),
                self.said(x.flip(2)).flip(2),
                *(torch.rot90(self.said(torch.rot90(x, k, (2, 3))), -k, (2, 3)) for k in (1, 2, 3)),
            ]
            soft = sum(maps) / 6
        strong = apply_strong(x, draw_strong(tuple(x.shape), draws))  # step 4
        return self.cross_entropy(self.network(strong), soft)

    def cross_entropy(self, logits, wanted):
        if self.softmax:
            return -(wanted * logits.log_softmax(1)).sum(1).mean()
        return F.binary_cross_entropy_with_logits(logits, wanted)

    def image(self, x, draws, truth=None):
        """Logits, cosine, step size, and the cosine of the pseudo gradient with that of the loss against truth."""
        kept = [t.detach().clone() for t in self.theta]
        cosine = None
        if self.auxiliary != "none":
            g_a = torch.autograd.grad(self.losses[self.auxiliary](x, draws), self.theta)  # step 1
            with torch.no_grad():
                for t, g in zip(self.theta, g_a, strict=True):  # step 2
                    t -= self.step * g
        g_p = torch.autograd.grad(self.losses[self.pseudo](x, draws), self.theta)  # steps 3 and 4
        if self.auxiliary != "none":
            cosine = self.cosine(g_a, g_p)  # step 5
        with torch.no_grad():  # step 6
            for t, k in zip(self.theta, kept, strict=True):
                t.copy_(k)
        empirical = None
        if truth is not None:
            loss = self.cross_entropy(self.network(x), truth)
            empirical = self.cosine(g_p, torch.autograd.grad(loss, self.theta))
        for group in self.optimiser.param_groups:
            group["lr"] = self.beta * ((cosine + 1) ** 2 / 4 if self.aligned else 1.0)
        for t, g in zip(self.theta, g_p, strict=True):
            t.grad = g
        self.optimiser.step()
        with torch.no_grad():  # step 7
            return self.network(x), cosine, self.optimiser.param_groups[0]["lr"], empirical

    @staticmethod
    def cosine(one, other):
        a, b = (torch.cat([g.flatten() for g in side]) for side in (one, other))
        return float(a @ b / (a.norm() * b.norm() + 1e-12))


def agrees(adapter, literal, images, targets=None):
    """Adapts to the images, and asserts that logits, cosines, step sizes and weights are the literal form's."""
    started = [t.detach().clone() for t in literal.theta]
    logits, steps = adapter.adapt(images, generator(), targets)
    draws = generator()
    for n in range(len(images)):
        truth = None if targets is None else targets[n : n + 1]
        expected, cosine, rate, empirical = literal.image(images[n : n + 1], draws, truth)
        assert torch.allclose(logits[n : n + 1], expected, atol=1e-8)
        assert steps[n].cosine == (cosine if cosine is None else pytest.approx(cosine, abs=1e-6))
        assert steps[n].step_size == pytest.approx(rate, rel=1e-5)
        assert steps[n].empirical == (empirical if empirical is None else pytest.approx(empirical, abs=1e-6))
    for mine, other, start in zip(adapter.affine, literal.theta, started, strict=True):
        off, moved = ((mine - one).abs().max() for one in (other, start))
        assert off < 1e-9 and moved > 1e3 * off


def test_a_stream_equals_the_literal_form(network, images, targets, adopted):
    """Three images, continual: Adam's memory and the weights go on; truth is compared with, and teaches nothing."""
    adapter, own = adopted("grata", learning_rate=1e-3)
    assert len([p for p in own.parameters() if p.requires_grad]) == 4
    agrees(adapter, Literal(network, optimiser=lambda theta: torch.optim.Adam(theta, lr=1e-3)), images, targets)
    agrees(adopted("grata")[0], Literal(network), images)


def sgd(theta):
    return torch.optim.SGD(theta, lr=1e-2, momentum=0.99)


@pytest.mark.parametrize(
    ("recipe", "values", "literally"),
    [
        ("fixed-rate", {}, {"aligned": False}),
        ("full-entropy", {}, {"full": True}),
        ("no-look-ahead", {}, {"step": 0.0}),
        ("tent-aligned", {}, {"pseudo": "entropy", "auxiliary": "consistency", "full": True}),
        ("without-alignment", {}, {"auxiliary": "none", "aligned": False}),
        ("published", {"optimiser": "sgd", "learning_rate": 1e-2}, {"optimiser": sgd}),
    ],
)
def test_every_switch_equals_the_literal_form(network, images, adopted, recipe, values, literally):
    adapter, _ = adopted("grata", **{**recipe_of(CARD, recipe).values, **values})
    agrees(adapter, Literal(network, **literally), images)


def test_episodes_begin_anew_at_every_image(network, images, adopted):
    adapter, _ = adopted("grata", episodic=True)
    logits, _ = adapter.adapt(images, generator())
    draws = generator()
    for n in range(len(images)):
        assert torch.allclose(logits[n : n + 1], Literal(network).image(images[n : n + 1], draws)[0], atol=1e-8)


def test_volumes_with_softmax_equal_the_literal_form():
    from tiny_predictor import TinyPredictor, adopt, trained_network

    volume = trained_network(norm=nn.BatchNorm3d, conv=nn.Conv3d, channels=1, outputs=3)
    scans = torch.rand(2, 1, 10, 8, 6, dtype=torch.float64, generator=generator())
    truth = F.one_hot((3 * scans[:, 0]).long().clamp(max=2), 3).permute(0, 4, 1, 2, 3).double()
    adapter, _ = adopt("grata", TinyPredictor("softmax"), copy.deepcopy(volume), {})
    agrees(adapter, Literal(volume, activation="softmax"), scans, truth)


def test_the_views_of_a_square_image_are_asked_for_at_once(images, adopted):
    adapter, _ = adopted("grata")
    adapter.adapt(images[:1], generator())
    assert adapter.predictor.asked == [1, 6, 1, 1], "entropy, six views, strong view, prediction"


def test_images_that_are_not_square_are_turned_too(adopted, network):
    wide = torch.rand(1, 3, 12, 20, dtype=torch.float64, generator=generator(1))
    adapter, _ = adopted("grata")
    logits, (step,) = adapter.adapt(wide, generator())
    expected, cosine, *_ = Literal(network).image(wide, generator())
    assert torch.allclose(logits, expected, atol=1e-8) and step.cosine == pytest.approx(cosine, abs=1e-5)


def test_an_update_looks_at_the_middle_of_larger_images(network, adopted):
    large = torch.rand(1, 3, 20, 24, dtype=torch.float64, generator=generator(1))
    logits, (step,) = adopted("grata", crop=16)[0].adapt(large, generator())
    _, cosine, rate, _ = Literal(network).image(large[..., 2:18, 4:20], generator())
    assert logits.shape == (1, 2, 20, 24)
    assert step.cosine == pytest.approx(cosine, abs=1e-5) and step.step_size == pytest.approx(rate, rel=1e-4)


def test_only_scales_and_shifts_of_batch_normalisation_change(network, images, adopted):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    adapter, own = adopted("grata", learning_rate=0.1)
    adapter.adapt(images, generator())
    after = own.state_dict()
    assert list(after) == list(before), "the adapted weights fit the trained network"
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"1.weight", "1.bias", "4.weight", "4.bias"}


def test_the_prediction_does_not_change_with_brightness_and_contrast_of_an_image(images, adopted):
    """Statistics of the image, and a first layer without bias before them: a·x + b gives what x gives (a > 0)."""
    conv = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4, eps=1e-12), nn.Conv2d(4, 2, 1)).double()
    first, _ = adopted("batch_statistics", net=conv)
    one, _ = first.adapt(images, generator())
    other, _ = first.adapt(7 * images - 3, generator())
    assert torch.allclose(one, other, atol=1e-6)


def test_opposite_gradients_leave_the_network_as_it_was(images, adopted, monkeypatch):
    """The two losses are each other's negative, taken at one place: c = −1 by the maths itself."""
    adapter, own = adopted("grata", auxiliary_step=0.0)
    entropy, signs = adapter._objective, itertools.cycle((1, -1))
    monkeypatch.setattr(adapter, "_objective", lambda _name, *rest: next(signs) * entropy("entropy", *rest))
    before = {name: value.clone() for name, value in own.state_dict().items()}
    _, steps = adapter.adapt(images, generator())
    assert all(step.cosine == pytest.approx(-1, abs=1e-9) and step.step_size < 1e-20 for step in steps)
    assert all(torch.equal(before[name], value) for name, value in own.state_dict().items())
    agreeing, _ = adopted("grata", auxiliary_step=0.0)
    monkeypatch.setattr(agreeing, "_objective", lambda _name, *rest: entropy_of(agreeing, *rest))
    assert all(step.step_size == pytest.approx(1e-4) for step in agreeing.adapt(images, generator())[1])


def entropy_of(adapter, images, generator):
    return type(adapter)._objective(adapter, "entropy", images, generator)


def test_the_images_are_not_written_to(images, adopted):
    """The released strong view changes its input on a processor, and the prediction may be of that."""
    kept = images.clone()
    adopted("grata")[0].adapt(images, generator())
    assert torch.equal(images, kept)


def test_the_first_step_of_adam_goes_as_far_whatever_the_gradient(images, adopted):
    adapter, _ = adopted("grata", rate="fixed", learning_rate=1e-3)
    start = adapter.weights()
    adapter.adapt(images[:1], generator())
    moved = torch.cat([(a - b).abs().flatten() for a, b in zip(adapter.weights(), start, strict=True)])
    assert moved.max() == pytest.approx(1e-3, rel=1e-2) and moved.median() > 0.9e-3


def test_one_seed_gives_one_stream_and_episodes_begin_anew(images, adopted):
    def stream(seed, **values):
        return adopted("grata", **values)[0].adapt(images, generator(seed))[0]

    assert torch.equal(stream(1), stream(1)) and not torch.equal(stream(1), stream(2))
    twice = torch.cat([images[:1], images[:1]])
    adapter, _ = adopted("grata", episodic=True, learning_rate=0.05, pseudo="entropy", auxiliary="none", rate="fixed")
    logits, _ = adapter.adapt(twice, generator())
    assert torch.equal(logits[0], logits[1])
    adapter, _ = adopted("grata", learning_rate=0.05, pseudo="entropy", auxiliary="none", rate="fixed")
    logits, _ = adapter.adapt(twice, generator())
    assert not torch.equal(logits[0], logits[1])


def test_no_step_is_aligned_with_nothing():
    with pytest.raises(ParameterError, match="compares two gradients"):
        make(GraTaParams, {"auxiliary": "none"})


def test_truth_tells_the_empirical_cosine_and_teaches_nothing(images, targets, adopted):
    adapter, _ = adopted("grata")
    told, steps = adapter.adapt(images, generator(), targets)
    blind, others = adopted("grata")[0].adapt(images, generator())
    assert torch.equal(told, blind) and all(-1 <= step.empirical <= 1 for step in steps)
    assert [step.cosine for step in steps] == [step.cosine for step in others]


def test_a_constant_image_teaches_nothing_and_harms_nothing(images, adopted):
    adapter, _ = adopted("grata")
    start = adapter.weights()
    logits, (step,) = adapter.adapt(torch.full_like(images[:1], 0.5), generator())
    assert "one intensity" in step.note and step.step_size == 0 and torch.isfinite(logits).all()
    assert all(torch.equal(a, b) for a, b in zip(start, adapter.weights(), strict=True))


def test_an_oblong_picture_of_one_colour_is_constant_too(images, adopted):
    """It comes in a square, with zeros above and below, and its three channels differ."""
    framed = torch.zeros_like(images[:1])
    framed[0, :, 4:12] = torch.tensor([0.6, 0.3, 0.1]).view(3, 1, 1)
    (step,) = adopted("grata")[0].adapt(framed, generator())[1]
    assert "one intensity" in step.note and step.step_size == 0
    framed[0, 1, 7, 7] = 0.5
    (step,) = adopted("grata")[0].adapt(framed, generator())[1]
    assert not step.note and step.step_size > 0


def test_of_a_scan_with_some_constant_slices_it_is_said_how_many(images, adopted):
    adapter, _ = adopted("tent")
    slices = torch.cat([torch.zeros_like(images[:1]), images[:2], torch.zeros_like(images[:1])])
    steps = adapter.adapt(slices, generator())[1]
    assert [(step.images, step.step_size > 0) for step in steps] == [(1, False), (1, True), (1, True), (1, False)]
    nothing = Said({}, 0.5)
    (note,) = case_of("a", {}, nothing, nothing, steps)["notes"]
    assert note.startswith("At 2 of 4 slices: The image is of one intensity")


def test_a_gradient_that_is_not_finite_is_left_out(images, adopted):
    adapter, _ = adopted("grata")
    start = adapter.weights()
    broken = images[:1].clone()
    broken[0, 0, 0, 0] = torch.inf
    _, (step,) = adapter.adapt(broken, generator())
    assert "not finite" in step.note
    assert all(torch.equal(a, b) for a, b in zip(start, adapter.weights(), strict=True))


def test_several_slices_of_a_scan_share_statistics_and_a_step(network, images, adopted):
    adapter, _ = adopted("grata", images_per_step=0, rate="fixed")
    logits, steps = adapter.adapt(images, generator())
    assert len(steps) == 1
    _, cosine, *_ = Literal(network).image(images, generator())
    assert steps[0].cosine == pytest.approx(cosine, abs=1e-5) and logits.shape == (3, 2, 16, 16)


def test_networks_without_batch_normalisation_are_refused_or_adapted_all_the_same(images, adopted):
    from tiny_predictor import layers

    bare = nn.Sequential(nn.Conv2d(3, 2, 1)).double()
    with pytest.raises(ValueError, match="nothing to adapt"):
        adopted("grata", net=bare)
    grouped = layers(norm=lambda width: nn.GroupNorm(2, width))
    with pytest.raises(ValueError, match=r"no batch normalisation: it has 2 others .GroupNorm.*Set 'norms' to every"):
        adopted("grata", net=grouped)
    adapter, own = adopted("grata", net=grouped, norms="every")
    assert adapter.adapt(images, generator())[0].shape == (3, 2, 16, 16)
    moved = {name for name, value in own.state_dict().items() if not torch.equal(value, grouped.state_dict()[name])}
    assert moved == {"1.weight", "1.bias", "4.weight", "4.bias"}


def test_images_too_small_for_statistics_are_refused_in_words(adopted):
    deep = nn.Sequential(nn.Conv2d(3, 4, 3, stride=16), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1)).double()
    adapter, _ = adopted("batch_statistics", net=deep)
    with pytest.raises(ValueError, match="one place per image"):
        adapter.adapt(torch.rand(1, 3, 16, 16, dtype=torch.float64), generator())


def test_the_maths_and_its_bounds():
    logits = torch.randn(2, 2, 3, 4, dtype=torch.float64, generator=generator())
    total = 0.0
    for n in range(2):
        for y in range(3):
            for x in range(4):
                for c in range(2):
                    p = torch.sigmoid(logits[n, c, y, x])
                    total += float(-p * torch.log(p + 1e-6))
    assert float(entropy_loss(logits)) == pytest.approx(total / 24, rel=1e-12)
    p = logits.sigmoid()
    both = -(p * torch.log(p + 1e-6) + (1 - p) * torch.log(1 - p + 1e-6)).sum(1).mean()
    assert torch.allclose(entropy_loss(logits, full=True), both) and entropy_loss(logits).dtype == torch.float64
    q = logits.softmax(1)
    assert torch.allclose(entropy_loss(logits, activation="softmax"), -(q * torch.log(q + 1e-6)).sum(1).mean())
    with pytest.raises(ValueError, match="activation must be one of"):
        entropy_loss(logits, activation="relu")
    with pytest.raises(ValueError, match=r"\(N, C"):
        entropy_loss(torch.zeros(3))

    assert [step_scale(c) for c in (-1.0, 0.0, 1.0)] == [0.0, 0.25, 1.0]
    assert torch.equal(step_scale(torch.tensor([0.5])), torch.tensor([0.5625]))
    with pytest.raises(ValueError, match=r"-?1…1; got 2"):
        step_scale(2.0)

    a, b = torch.randn(5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    expected = (a @ b) / (a.norm() * b.norm() + 1e-12)
    assert torch.allclose(gradient_cosine(a, b), expected)
    assert torch.allclose(gradient_cosine([a[:2], a[2:]], [b[:2], b[2:]]), expected)
    assert float(gradient_cosine(a, torch.zeros_like(a))) == 0.0
    assert float(gradient_cosine(a, -a)) == pytest.approx(-1.0)
    with pytest.raises(ValueError, match="same parameters"):
        gradient_cosine(a, b[:2])
