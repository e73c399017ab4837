"""Curvature products and spectra against dense matrices of small networks."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from sagittal.engine_port import SagittalError
from sagittal_engine.probes import spectrum as spectrum_module
from sagittal_engine.probes.curvature import GaussNewton, Hessian, flat, loss_and_gradient
from sagittal_engine.probes.scale_directions import find_scale_directions
from sagittal_engine.probes.spectrum import Watch, hessian_spectrum


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


class Dense:
    """A small network with its loss as a function of the flat parameter vector."""

    def __init__(self, net, loss_of_module):
        self.net = net.double()
        self.loss_of_module = loss_of_module
        self.parameters = list(net.parameters())

    def loss(self):
        return self.loss_of_module(self.net)

    def hessian(self):
        names = [name for name, _ in self.net.named_parameters()]
        sizes = [p.numel() for p in self.parameters]

        def of(vector):
            parts = (part.view(p.shape) for part, p in zip(vector.split(sizes), self.parameters, strict=True))
            values = dict(zip(names, parts, strict=True))
            return self.loss_of_module(lambda x: functional_call(self.net, values, (x,)))

        return torch.autograd.functional.hessian(of, flat(self.parameters))


def perceptron(seed=0):
    torch.manual_seed(seed)
    x, y = torch.randn(12, 4).double(), torch.randint(0, 3, (12,))
    net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    return Dense(net, lambda net: F.cross_entropy(net(x), y))


class Convolving(nn.Module):
    """Convolution, batch normalisation, and a last layer without bias."""

    def __init__(self, bias=False):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, bias=bias)
        self.norm = nn.BatchNorm2d(3, eps=1e-12)
        self.last = nn.Linear(3, 4, bias=False)

    def forward(self, x):
        return self.last(torch.tanh(self.norm(self.conv(x))).mean((2, 3)))


def cosine(seed=0, bias=False):
    """A cosine loss: the last layer's scale, and that of every filter, is normalised away."""
    torch.manual_seed(seed)
    x, y = torch.randn(6, 1, 5, 5).double(), torch.randn(6, 4).double()
    return Dense(Convolving(bias), lambda net: -F.cosine_similarity(net(x), y).mean())


@pytest.mark.parametrize("make", [perceptron, cosine])
def test_products_are_those_of_the_dense_hessian(make):
    case = make()
    dense = case.hessian()
    vectors = torch.randn(3, len(dense)).double()
    curvature = Hessian([case.loss], case.parameters)
    for _ in range(2):  # the second time from the kept graph
        assert torch.allclose(curvature.times(vectors), vectors @ dense, atol=1e-10)


@pytest.mark.parametrize("make", [perceptron, cosine])
def test_the_extremes_of_a_small_network_are_exact(make):
    case = make()
    values = torch.linalg.eigvalsh(case.hessian())
    found = hessian_spectrum(case.loss, case.parameters, steps=len(values), probes=2, seed=3)
    assert abs(found["largest"] / float(values[-1]) - 1) <= 1e-6
    assert abs(found["smallest"] / float(values[0]) - 1) <= 1e-6
    assert found["largest_converged"] and found["smallest_converged"]
    for ritz, weights, residuals in zip(found["ritz"], found["weights"], found["residuals"], strict=True):
        assert math.isclose(sum(weights), 1, abs_tol=1e-12) and ritz == sorted(ritz)
        assert len(ritz) == len(weights) == len(residuals)
    epsilon = 1e-6 * found["largest"]
    negative = [
        sum(w for theta, w in zip(*rows, strict=True) if theta < -epsilon)
        for rows in zip(found["ritz"], found["weights"], strict=True)
    ]
    assert math.isclose(found["negative_weight"], sum(negative) / 2, rel_tol=1e-12)
    assert found["sigma"] == pytest.approx(0.01 * (found["largest"] - found["smallest"]))
    keys = ("ritz", "weights", "residuals", "largest", "smallest", "negative_weight", "trivial_weight")
    assert all(key in found for key in keys)


def test_the_first_moment_is_that_of_the_probe_and_probes_are_seeded_signs():
    case = perceptron()
    dense = case.hessian()
    found = hessian_spectrum(case.loss, case.parameters, steps=4, probes=2, seed=5)
    for number in range(2):
        v = spectrum_module._rademacher(len(dense), 5, number, torch.device("cpu"))
        assert set(v.tolist()) == {-1.0, 1.0}
        mean = sum(w * t for w, t in zip(found["weights"][number], found["ritz"][number], strict=True))
        assert mean == pytest.approx(float(v @ dense @ v / (v @ v)), rel=1e-9)
    again = hessian_spectrum(case.loss, case.parameters, steps=4, probes=2, seed=5)
    assert again["ritz"] == found["ritz"] and again["weights"] == found["weights"]
    assert hessian_spectrum(case.loss, case.parameters, steps=4, probes=2, seed=6)["ritz"] != found["ritz"]


def test_weights_estimate_the_trace_over_many_probes():
    case = perceptron()
    dense = case.hessian()
    found = hessian_spectrum(case.loss, case.parameters, steps=10, probes=60, seed=0)
    rows = zip(found["ritz"], found["weights"], strict=True)
    estimate = sum(sum(w * t for t, w in zip(*row, strict=True)) for row in rows) / 60
    spread = math.sqrt(2 * float(dense.square().sum())) / len(dense) / math.sqrt(60)
    assert abs(estimate - float(dense.trace()) / len(dense)) < 4 * spread


def test_several_batches_are_averaged_and_each_is_one_term():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    batches = [(torch.randn(5, 3).double(), torch.randint(0, 2, (5,))) for _ in range(3)]
    parameters = list(net.parameters())
    terms = [lambda x=x, y=y: F.cross_entropy(net(x), y) for x, y in batches]
    apart = hessian_spectrum(terms, parameters, steps=8, probes=3)
    whole = hessian_spectrum(lambda: torch.stack([term() for term in terms]).mean(), parameters, steps=8, probes=3)
    for mine, theirs in zip(apart["ritz"], whole["ritz"], strict=True):
        assert mine == pytest.approx(theirs, abs=1e-9)
    assert apart["batches"] == 3 and apart["products"] == 3 * whole["products"]
    loss, gradient = loss_and_gradient(terms, parameters)
    expected = torch.autograd.grad(torch.stack([term() for term in terms]).mean(), parameters)
    assert torch.allclose(gradient, flat(expected)) and loss == pytest.approx(
        float(sum(t().detach() for t in terms)) / 3
    )


@pytest.mark.parametrize("as_function", [True, False])
def test_gauss_newton_against_its_definition(as_function):
    case = perceptron()
    torch.manual_seed(4)
    x, y = torch.randn(5, 4).double(), torch.randint(0, 3, (5,))
    names = [name for name, _ in case.net.named_parameters()]
    values = [p.detach() for p in case.parameters]

    def outputs_of(*parts):
        return functional_call(case.net, dict(zip(names, parts, strict=True)), (x,))

    jacobian = torch.cat(
        [j.reshape(15, -1) for j in torch.autograd.functional.jacobian(outputs_of, tuple(values))], dim=1
    )
    outer = torch.autograd.functional.hessian(lambda o: F.cross_entropy(o.view(5, 3), y), outputs_of(*values).flatten())
    dense = jacobian.T @ outer @ jacobian

    def loss_fn():
        outputs = case.net(x)
        return outputs, (lambda o: F.cross_entropy(o, y)) if as_function else F.cross_entropy(outputs, y)

    vectors = torch.randn(2, len(dense)).double()
    assert torch.allclose(GaussNewton([loss_fn], case.parameters).times(vectors), vectors @ dense, atol=1e-10)
    found = hessian_spectrum(loss_fn, case.parameters, steps=len(dense), probes=2, matrix="ggn")
    assert abs(found["largest"] / float(torch.linalg.eigvalsh(dense)[-1]) - 1) <= 1e-6
    assert found["negative_weight"] == 0


def test_scale_directions_of_a_cosine_loss_are_found_and_obey_their_identity():
    case = cosine()
    directions = find_scale_directions(case.loss, case.parameters)
    assert [(block.rows, block.columns) for block in directions.blocks] == [(3, 9), (1, 12)]
    point, dense = flat(case.parameters), case.hessian()
    _, gradient = loss_and_gradient([case.loss], case.parameters)
    for block in directions.blocks:
        for row in range(block.rows):
            psi = torch.zeros_like(point)
            block.of(psi)[row] = block.of(point)[row]
            own = torch.zeros_like(point)
            block.of(own)[row] = block.of(gradient)[row]
            assert own.norm() > 1e-4
            assert torch.allclose(dense @ psi + own, torch.zeros_like(psi), atol=1e-9), "Hψ + ∇ = 0"
            assert abs(float(psi @ dense @ psi)) < 1e-9


def test_layers_that_are_not_scale_invariant_are_left_alone():
    case = perceptron()
    assert find_scale_directions(case.loss, case.parameters).count == 0
    found = hessian_spectrum(case.loss, case.parameters, steps=5, probes=1)
    assert found["trivial_weight"] == 0 and found["negative_weight_projected"] == found["negative_weight"]
    case = cosine()
    case.net.eval()  # running statistics do not follow a filter's scale
    assert find_scale_directions(case.loss, case.parameters).count == 1


def test_a_last_layer_with_bias_is_invariant_together_with_it():
    torch.manual_seed(2)
    x, y = torch.randn(6, 3).double(), torch.randn(6, 4).double()
    case = Dense(nn.Linear(3, 4), lambda net: -F.cosine_similarity(net(x), y).mean())
    (block,) = find_scale_directions(case.loss, case.parameters).blocks
    assert (block.begin, block.rows, block.columns) == (0, 1, 16)


def test_finding_puts_every_weight_back():
    case = cosine(bias=True)
    before = [p.detach().clone() for p in case.parameters]
    find_scale_directions(case.loss, case.parameters)
    assert all(torch.equal(p, old) for p, old in zip(case.parameters, before, strict=True))


def test_projecting_leaves_the_spectrum_of_what_remains():
    case = cosine()
    dense, directions = case.hessian(), find_scale_directions(case.loss, case.parameters)
    eye = torch.eye(len(dense)).double()
    projector = directions.project_out(eye.clone())
    assert torch.allclose(projector @ projector, projector, atol=1e-12)
    assert projector.trace() == pytest.approx(len(dense) - directions.count)
    values = torch.linalg.eigvalsh(projector @ dense @ projector)
    start = directions.project_out(torch.ones(1, len(dense)).double())[0]
    jobs = [(start, directions)]
    place = spectrum_module.choose_place(len(dense), len(dense), torch.float64, torch.device("cpu"))
    (found,) = spectrum_module._quadratures(Hessian([case.loss], case.parameters), jobs, place, Watch(), None)
    assert torch.allclose(found.ritz[[0, -1]], values[[0, -1]], rtol=1e-6)


def test_a_bowl_seen_through_a_cosine_has_only_trivial_negative_curvature():
    """At the end of training a linear map under a cosine loss, what is negative is what scale invariance forces."""
    torch.manual_seed(0)
    x, target = torch.randn(40, 3).double(), torch.randn(3, 3).double()
    net = nn.Linear(3, 3, bias=False)
    case = Dense(net, lambda net: -F.cosine_similarity(net(x), x @ target.T).mean())
    for _ in range(10):  # near the minimum, but not on it: the gradient is not zero
        slope = torch.autograd.grad(case.loss(), case.parameters)
        with torch.no_grad():
            case.parameters[0].sub_(0.5 * slope[0])
    values = torch.linalg.eigvalsh(case.hessian())
    assert values[0] < -1e-6 * values[-1], "the one that geometry forces"
    found = hessian_spectrum(case.loss, case.parameters, steps=9, probes=8, project_scale_directions=True)
    assert found["negative_weight"] > 0 and found["negative_weight_projected"] == 0
    assert found["trivial_weight"] == found["negative_weight"] and found["scale_directions"] == 1


def test_large_problems_are_projected_only_when_asked(monkeypatch):
    monkeypatch.setattr(spectrum_module, "FREE_TO_PROJECT", 10)
    case = cosine()
    found = hessian_spectrum(case.loss, case.parameters, steps=3, probes=1)
    assert found["trivial_weight"] is None and found["scale_directions"] is None


def test_float32_networks_are_multiplied_in_float32():
    case = perceptron()
    values = torch.linalg.eigvalsh(case.hessian())
    net = copy.deepcopy(case.net).float()
    torch.manual_seed(0)
    x, y = torch.randn(12, 4), torch.randint(0, 3, (12,))
    found = hessian_spectrum(lambda: F.cross_entropy(net(x), y), list(net.parameters()), steps=51, probes=1)
    assert found["largest"] == pytest.approx(float(values[-1]), rel=1e-4)


def test_parameters_that_do_not_matter_have_no_curvature():
    used, unused = (torch.ones(2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    found = hessian_spectrum(lambda: (used**2).sum() + unused.sum(), [used, unused], steps=4, probes=1)
    assert found["ritz"][0] == pytest.approx([0, 2]) and found["weights"][0] == pytest.approx([0.5, 0.5])
    flat_loss = hessian_spectrum(lambda: 3 * used.sum(), [used], steps=2, probes=1)
    assert flat_loss["ritz"] == [[0.0]] and flat_loss["negative_weight"] == 0


def test_a_watch_is_asked_before_every_round_and_may_unwind():
    case, told = perceptron(), []
    watch = Watch(progress=lambda done, total: told.append((done, total)))
    hessian_spectrum(case.loss, case.parameters, steps=3, probes=2, watch=watch)
    assert told[0] == (0, 6) and told[-1] == (6, 6) and len(told) == 7

    class Unwound(BaseException):
        pass

    def boundary():
        raise Unwound

    with pytest.raises(Unwound):
        hessian_spectrum(case.loss, case.parameters, steps=3, probes=2, watch=Watch(boundary=boundary))


@pytest.mark.parametrize(
    "changes, words",
    [({"steps": 0}, "steps = 0"), ({"probes": 0}, "probes = 0"), ({"matrix": "fisher"}, "hessian, ggn; got 'fisher'")],
)
def test_arguments_out_of_range(changes, words):
    case = perceptron()
    with pytest.raises(ValueError, match=words):
        hessian_spectrum(case.loss, case.parameters, **changes)
    with pytest.raises(ValueError, match="one number"):
        hessian_spectrum(lambda: case.parameters[0], case.parameters, steps=1, project_scale_directions=False)
    with pytest.raises(ValueError, match="0 terms"):
        hessian_spectrum([], case.parameters)


def test_an_operation_without_second_derivative_is_named():
    a = torch.randn(3, 2, requires_grad=True)
    b = torch.randn(4, 2)
    with pytest.raises(SagittalError, match="no second derivative"):
        hessian_spectrum(lambda: torch.cdist(a, b).sum(), [a], steps=2, probes=1, project_scale_directions=False)
