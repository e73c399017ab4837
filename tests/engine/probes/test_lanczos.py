"""The Lanczos process against dense eigenvalues, and the identities its quadrature obeys."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal.engine_port import SagittalError
from sagittal_engine.probes import basis as basis_module
from sagittal_engine.probes.basis import Basis, Place, choose_place, together
from sagittal_engine.probes.lanczos import NotFinite, Process
from sagittal_engine.probes.spectrum import lanczos

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def symmetric(n, seed=0):
    a = torch.randn(n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return a + a.T


def start(n, seed=1):
    return torch.randn(n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n", [1, 2, 5, 60])
def test_as_many_steps_as_dimensions_give_every_eigenvalue_and_its_share(n):
    a, v = symmetric(n), start(n)
    ritz, weights, residuals = lanczos(lambda x: a @ x, v, n)
    values, vectors = torch.linalg.eigh(a)
    assert torch.allclose(ritz, values, rtol=1e-10, atol=1e-10)
    assert torch.allclose(weights, (vectors.T @ v).square() / (v @ v), atol=1e-8)
    assert residuals.max() < 1e-8 and ritz.dtype == torch.float64


@pytest.mark.parametrize("steps", [1, 2, 7, 30])
def test_weights_sum_to_one_and_moments_up_to_2m_minus_1_are_exact(steps):
    a, v = symmetric(40), start(40)
    ritz, weights, _ = lanczos(lambda x: a @ x, v, steps)
    assert len(ritz) == steps and math.isclose(float(weights.sum()), 1.0, abs_tol=1e-12)
    scaled, power = a / torch.linalg.matrix_norm(a, 2), v.clone()
    for degree in range(1, min(2 * steps, 12)):
        power = scaled @ power
        moment = (weights * (ritz / torch.linalg.matrix_norm(a, 2)) ** degree).sum()
        assert torch.isclose(moment, v @ power / (v @ v), rtol=1e-10, atol=1e-12), degree


def test_extremes_converge_first_and_the_residual_bounds_their_error():
    values = torch.cat([torch.linspace(-0.1, 0.1, 500), torch.tensor([-1.0, 3.0, 7.0])]).double()
    ritz, _, residuals = lanczos(lambda x: values * x, torch.ones(503, dtype=torch.float64), 25)
    assert abs(float(ritz[-1]) / 7 - 1) < 1e-9 and abs(float(ritz[0]) + 1) < 1e-9
    for theta, residual in zip(ritz, residuals, strict=True):
        assert (values - theta).abs().min() <= residual + 1e-12


def test_the_residual_is_that_of_the_ritz_vector():
    a, v, steps = symmetric(30), start(30), 6
    kept = Basis(Place(steps, 30, torch.float64, CPU))
    process = Process(v, kept)
    while not process.done:
        process.take(a @ process.newest)
    found = process.quadrature()
    q = kept._rows[: kept.count]
    theta, s = torch.linalg.eigh(q @ a @ q.T)
    residuals = (a @ (q.T @ s) - (q.T @ s) * theta).norm(dim=0)
    assert torch.allclose(found.residuals, residuals, atol=1e-10)


def test_vectors_stay_orthogonal_where_plain_lanczos_loses_them():
    values = torch.logspace(-10, 0, 300, dtype=torch.float64)
    values[-3:] = torch.tensor([10.0, 100.0, 1000.0])  # converged extremes are what destroys orthogonality
    kept = Basis(Place(150, 300, torch.float64, CPU))
    process = Process(start(300), kept)
    while not process.done:
        process.take(values * process.newest)
    q = kept._rows[: kept.count]
    assert (q @ q.T - torch.eye(len(q))).abs().max() < 1e-12
    assert (process.quadrature().ritz > 999).sum() == 1, "no ghost copies of a converged eigenvalue"


def test_the_process_stops_where_the_space_ends():
    values = torch.tensor([1.0, 1.0, 2.0, 2.0, 5.0, 5.0], dtype=torch.float64)
    ritz, weights, residuals = lanczos(lambda x: values * x, torch.ones(6, dtype=torch.float64), 6)
    assert torch.allclose(ritz, torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64))
    assert torch.allclose(weights, torch.full((3,), 1 / 3, dtype=torch.float64)) and residuals.max() < 1e-9
    ritz, weights, _ = lanczos(lambda x: 0 * x, torch.ones(4, dtype=torch.float64), 4)
    assert ritz.tolist() == [0.0] and weights.tolist() == [1.0]


def test_a_float32_matrix_is_met_in_its_own_format_and_recurred_in_float64():
    a, v = symmetric(50).float(), start(50).float()
    asked = []

    def matvec(x):
        asked.append(x.dtype)
        return a @ x

    ritz, weights, _ = lanczos(matvec, v, 50)
    assert set(asked) == {torch.float32} and ritz.dtype == weights.dtype == torch.float64
    assert torch.allclose(ritz[[0, -1]].float(), torch.linalg.eigvalsh(a)[[0, -1]], rtol=1e-5)


@pytest.mark.parametrize(
    "steps, vector, words",
    [
        (0, torch.ones(3), "steps = 0"),
        (2, torch.zeros(3), "other than zero"),
        (2, torch.tensor([1.0, float("nan")]), "norm nan"),
        (2, torch.ones(2, 2), r"\(2, 2\)"),
    ],
)
def test_arguments_out_of_range_are_refused_by_rule_and_value(steps, vector, words):
    with pytest.raises(ValueError, match=words):
        lanczos(lambda x: x, vector, steps)


def test_a_product_that_is_no_number_is_named():
    with pytest.raises(NotFinite, match="nan at Lanczos step 1"):
        lanczos(lambda x: x * float("nan"), torch.ones(3), 2)


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_float32_basis_in_memory_or_in_a_file_gives_the_same_extremes(on_disk, tmp_path, monkeypatch):
    monkeypatch.setattr(basis_module, "BLOCK", 37)  # several blocks
    a, v = symmetric(200), start(200)
    with Basis(Place(80, 200, torch.float32, CPU, on_disk), tmp_path) as kept:
        assert len(list(tmp_path.rglob("basis"))) == int(on_disk)
        process = Process(v, kept)
        while not process.done:
            process.take(a @ process.newest)
        found = process.quadrature()
    assert not list(tmp_path.iterdir()), "the file is gone"
    values = torch.linalg.eigvalsh(a)
    assert torch.allclose(found.ritz[[0, -1]], values[[0, -1]], rtol=1e-6)
    assert math.isclose(float(found.weights.sum()), 1.0, abs_tol=1e-12)


def test_the_basis_goes_where_there_is_room(monkeypatch, tmp_path):
    rows, length = 10, 1000
    for free, dtype, expected in (
        (200_000, torch.float32, ("float64", "memory")),
        (100_000, torch.float32, ("float32", "memory")),
        (1_000, torch.float32, ("float32", "disk")),
        (100_000, torch.float64, ("float64", "disk")),
    ):
        monkeypatch.setattr(basis_module, "_free_memory", lambda device, free=free: free)
        facts = choose_place(rows, length, dtype, CPU, tmp_path).facts()
        assert (facts["dtype"], facts["place"]) == expected
    monkeypatch.setattr(basis_module, "_free_memory", lambda device: 1_000_000)
    assert together(choose_place(rows, length, torch.float32, CPU), 10) == 6


def test_an_encoder_too_large_for_memory_and_disk_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(basis_module, "_free_memory", lambda device: 2**30)
    with pytest.raises(SagittalError, match=r"4000000\.0 million parameters in 100 .* Ask for fewer steps"):
        choose_place(100, 4 * 10**12, torch.float32, CPU, tmp_path)
