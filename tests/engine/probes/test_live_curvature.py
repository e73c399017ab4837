"""Spectra and convergence between the steps of a run, and spectra of its checkpoints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from sagittal.engine_port import SagittalError
from sagittal.events import MessageRaised, Reason, SpectrumComputed, TaskProgress
from sagittal.facts import SpectrumRequest
from sagittal.run_request import RunRequest
from sagittal_engine.errors import explain
from sagittal_engine.probes import basis
from sagittal_engine.probes.budget import Budget
from sagittal_engine.probes.cards import CARDS, probe_of
from sagittal_engine.probes.closure import closure_of
from sagittal_engine.probes.convergence import Look, path_estimates
from sagittal_engine.probes.live_spectrum import _unresolved, fit
from sagittal_engine.probes.probe import Moment

SPECTRUM = "spectrum:every=2,steps=4,probes=2,budget=1000,batches=2"
FREE = "spectrum:every=3,steps=5,probes=2,batches=1,budget=1000"


@pytest.fixture(autouse=True)
def generous(monkeypatch):
    """Steps of a tiny method take so little that no share of them is worth anything: here it is a fixed hour."""
    monkeypatch.setattr(Budget, "left", lambda self, moment: 3600.0 if moment.step else 0.0)


@pytest.fixture(autouse=True)
def no_warning(workshop):
    """A probe that fails is told of and left out: here that is a fault."""
    yield
    workshop.events += workshop.engine.events()
    warnings = [e for e in workshop.events if isinstance(e, MessageRaised) and e.level != "info"]
    assert not warnings, warnings


def documents(record, panel):
    return {row["step"]: json.loads(Path(row["path"]).read_text()) for row in record.previews if row["panel"] == panel}


def checkpoint_of(workshop, record):
    path = workshop.study.runs_folder / record.facts.folder / "checkpoints" / "last.pt"
    return torch.load(path, weights_only=True)


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


def test_training_is_bit_for_bit_the_same_with_and_without(workshop):
    bare = workshop.train(steps=6)
    hessian, path = "spectrum:every=3,steps=4,probes=1,budget=1000,batches=2", "convergence:every=3,products=2"
    probed = workshop.train(steps=6, probes=(hessian, path, "spectrum:at=1,every=0,matrix=ggn,steps=4,probes=1"))
    assert probed.metrics["loss"] == bare.metrics["loss"]
    mine, theirs = checkpoint_of(workshop, probed), checkpoint_of(workshop, bare)
    for part in ("module", "update", "random", "smoothed", "best"):
        assert equal(mine[part], theirs[part]), part
    assert mine["probe_seconds"] > 0 == theirs["probe_seconds"]


def test_a_live_spectrum_is_published_with_all_that_explains_it(workshop):
    record = workshop.train(steps=6, probes=(SPECTRUM,), keep_checkpoints="4")
    found = documents(record, "spectrum")
    assert sorted(found) == [2, 4, 6]
    document = found[4]
    assert len(document["ritz"]) == 2 and all(len(row) == 4 for row in document["ritz"])
    assert document["batch_norm"] == "train" and document["matrix"] == "hessian"
    assert (document["steps"], document["probes"], document["batches"]) == (4, 2, 2)
    assert set(document["parts"]) == {"encoder", "projector"}
    assert document["scale_directions"] >= 6, "each filter before batch normalisation is one"
    assert 0 <= document["trivial_weight"] <= document["negative_weight"] <= 1
    for words in ("2 fixed batches of 8", "encoder and projector", "4 Lanczos steps × 2", "trivial directions"):
        assert words in document["about"], words
    for name in ("largest", "smallest", "negative_weight", "negative_weight_projected"):
        steps, values = record.metrics[f"hessian_{name}"]
        assert steps == [2, 4, 6] and values[1] == document[name]
    assert record.metrics["inverse_largest"][1][1] == pytest.approx(1 / document["largest"])
    assert record.metrics["probe_seconds"][1] == sorted(record.metrics["probe_seconds"][1])
    assert record.metrics["probe_share"][0] == [2, 4, 6]
    assert any(isinstance(event, SpectrumComputed) for event in workshop.events)


def test_every_series_of_a_panel_is_published(workshop):
    record = workshop.train(steps=4, probes=(SPECTRUM, "convergence:every=1"))
    published = set(record.metrics) | {row["panel"] for row in record.previews}
    for card in CARDS:
        if card.name in ("spectrum", "convergence"):
            wanted = {s for panel in card.panels for s in getattr(panel, "series", ())}
            wanted |= {panel.source for panel in card.panels if hasattr(panel, "source")}
            assert wanted - {"convergence_rate"} <= published, "a rate follows only where μ < λmax"


def test_a_checkpoints_spectrum_is_the_one_measured_live_there(workshop):
    record = workshop.train(steps=6, probes=(FREE,), keep_checkpoints="3")
    live = documents(record, "spectrum")[3]
    request = SpectrumRequest(record.facts.run, checkpoint="3", steps=5, probes=2, batches=1)
    result = workshop.result(workshop.engine.start_spectrum(request))
    assert result["step"] == 3 and result["checkpoint"] == "3"
    for key in ("ritz", "weights"):
        for mine, theirs in zip(result[key], live[key], strict=True):
            assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    assert result["learning_rate"] == pytest.approx(live["learning_rate"])
    kept = documents(workshop.engine.run(record.facts.run), "spectrum")
    assert sorted(kept) == [3, 6] and kept[3]["checkpoint"] == "3", "it takes the live one's place"
    told = [e for e in workshop.events if isinstance(e, TaskProgress) and e.source.startswith("spectrum")]
    parts = list(dict.fromkeys(e.message for e in told if e.message))
    assert parts.index("Loading the run") < parts.index("Preparing the batch") < parts.index("Product 1 of 20")
    assert (told[-1].done, told[-1].total, parts[-1]) == (20, 20, "Putting the spectrum together")


def test_other_matrices_and_modes_are_kept_beside(workshop):
    record = workshop.train(steps=2)
    run = record.facts.run
    ggn = workshop.result(workshop.engine.start_spectrum(SpectrumRequest(run, steps=4, probes=1, matrix="ggn")))
    assert ggn["matrix"] == "ggn" and ggn["batches"] == 4 and "Gauss-Newton" in ggn["about"]
    running = SpectrumRequest(run, "best", steps=4, probes=1, batch_norm="eval", project_scale_directions=False)
    assert workshop.result(workshop.engine.start_spectrum(running))["trivial_weight"] is None
    panels = {row["panel"] for row in workshop.engine.run(run).previews}
    assert panels == {"spectrum ggn train", "spectrum hessian eval"}


def test_what_cannot_be_computed_is_said_in_words(workshop, monkeypatch):
    run = workshop.train(steps=2).facts.run
    request = SpectrumRequest(run, steps=4, probes=1, batches=1)
    for wrong, words in (
        ({"steps": 0}, "'steps' of a spectrum is from 1"),
        ({"matrix": "fisher"}, "hessian or ggn; got 'fisher'"),
        ({"batch_norm": "off"}, "train or eval"),
        ({"run": "nope"}, "no run 'nope'"),
    ):
        with pytest.raises(SagittalError, match=words):
            workshop.engine.start_spectrum(replace(request, **wrong))
    for wrong, words in (
        ({"checkpoint": "7"}, "no checkpoint"),
        ({"checkpoint": "first"}, "last, best, or by its step"),
    ):
        end = workshop.wait(workshop.engine.start_spectrum(replace(request, **wrong)))
        assert end.reason is Reason.FAILED and words in end.error and not end.detail
    monkeypatch.setattr(basis, "_free_memory", lambda device: 0)
    monkeypatch.setattr(basis.shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    end = workshop.wait(workshop.engine.start_spectrum(request))
    assert "Ask for fewer steps, or free some disk" in end.error and not end.detail


def test_a_spectrum_can_be_cancelled_and_leaves_nothing(workshop):
    run = workshop.train(steps=2).facts.run
    task = workshop.engine.start_spectrum(SpectrumRequest(run, steps=400, probes=50))
    workshop.engine.request_cancel(task)
    assert workshop.wait(task).reason is Reason.CANCELLED
    assert not workshop.engine.run(run).previews


def test_a_stop_takes_effect_inside_a_measurement_and_the_run_can_go_on(workshop, monkeypatch):
    from sagittal_engine.probes import live_spectrum

    engine, measured = workshop.engine, live_spectrum.spectrum_of

    def stopping(*args, **kwargs):
        engine.request_stop(next(record.facts.run for record in engine.runs()))
        return measured(*args, **kwargs)

    monkeypatch.setattr(live_spectrum, "spectrum_of", stopping)
    run = engine.start(RunRequest(method="patches", parameters={"steps": 6}, probes=(FREE,), device="cpu"))
    assert workshop.wait(run).reason is Reason.STOPPED
    record = engine.run(run)
    assert record.state.step == 3 and not documents(record, "spectrum")
    monkeypatch.undo()
    monkeypatch.setattr(Budget, "left", lambda self, moment: 3600.0)
    workshop.events.clear()
    assert workshop.wait(engine.resume(run)).reason is Reason.COMPLETED
    assert engine.run(run).metrics["loss"] == workshop.train(steps=6).metrics["loss"]


def test_too_small_a_budget_leaves_spectra_out_and_says_so_once(workshop, monkeypatch):
    monkeypatch.setattr(Budget, "left", lambda self, moment: 1e-9)
    record = workshop.train(steps=6, probes=(SPECTRUM,))
    assert not documents(record, "spectrum") and "hessian_largest" not in record.metrics
    told = [e.text for e in workshop.events if isinstance(e, MessageRaised) and "too little" in e.text]
    assert len(told) == 1 and "1000 %" in told[0]


def test_a_scarce_budget_lowers_steps_and_vectors_and_says_so(workshop, monkeypatch):
    monkeypatch.setattr(Budget, "left", lambda self, moment: 1.0)
    from sagittal_engine.probes import live_spectrum

    monkeypatch.setattr(live_spectrum, "_time_product", lambda curvature, end: 1 / 45)
    record = workshop.train(steps=2, probes=("spectrum:every=2,project_scale_directions=false",))
    document = documents(record, "spectrum")[2]
    assert document["asked"] == {"steps": 100, "probes": 5} and document["steps"] * document["probes"] <= 45
    assert "100 × 5 were asked for" in document["about"]


@pytest.mark.parametrize(
    "products, expected",
    [(1000, (100, 5)), (500, (100, 5)), (125, (62, 2)), (40, (40, 1)), (12, (12, 1)), (9, None), (-1, None)],
)
def test_fewer_products_make_fewer_vectors_and_steps(products, expected):
    assert fit(100, 5, products) == expected


def test_fewer_than_ten_steps_only_where_they_were_asked_for():
    assert fit(4, 2, 5) == (4, 1)
    assert fit(4, 2, 100) == (4, 2)


def test_the_budget_counts_this_sittings_steps(monkeypatch):
    monkeypatch.undo()
    budget = Budget(10)
    budget.begin(100)
    budget.begin(150)
    assert budget.left(SimpleNamespace(step=100, seconds=50.0)) == 0
    assert budget.left(SimpleNamespace(step=200, seconds=100.0)) == pytest.approx(5.0)
    budget.spent = 7
    assert budget.left(SimpleNamespace(step=200, seconds=100.0)) == pytest.approx(-2.0)


def test_parameters_are_read_and_refused_in_words():
    card, params = probe_of("spectrum:every=0,at=10 20,matrix=ggn")
    assert card.name == "spectrum" and params.at == "10 20"
    for text, words in (
        ("spectrum:at=soon", "'soon' is no number"),
        ("spectrum:matrix=gg", "Did you mean 'ggn'"),
        ("convergence:floor=low", "number or 'lowest'"),
        ("spectrun", "Did you mean 'spectrum'"),
    ):
        with pytest.raises(SagittalError, match=words):
            probe_of(text)


def test_estimates_along_a_path_follow_their_definition():
    looks = [Look(0, 5.0, 8.0), Look(10, 3.0, 2.0), Look(20, 1.0, 0.5)]
    assert path_estimates(looks, None) == (1.0, [(0, 8 / 8), (10, 2 / 4)])
    assert path_estimates(looks, 0.5) == (0.5, [(0, 8 / 9), (10, 2 / 5), (20, 0.5 / 1.0)])


def test_convergence_of_a_quadratic_bowl_gives_its_smallest_curvature():
    """L = ½ Σ a_i x_i² obeys the inequality with μ = min a; along the softest axis the estimate is exactly that."""
    a = torch.tensor([0.5, 4.0], dtype=torch.float64)
    x = torch.nn.Parameter(torch.tensor([3.0, 0.0], dtype=torch.float64))
    module = torch.nn.Module()
    module.x = x
    method = SimpleNamespace(
        batch=lambda number, generator: {}, objectives=lambda module, batch: {"loss": 0.5 * (a * module.x**2).sum()}
    )
    from sagittal_engine.probes.convergence import Convergence

    _, params = probe_of("convergence:every=1,floor=0,products=4")
    probe = Convergence(params)
    module.x.data[1] = 1e-3
    found = probe.measure(moment_of(method, module, step=1))
    assert found.numbers["pl_constant"] == pytest.approx(0.5, rel=1e-4)
    assert found.numbers["step_bound"] == pytest.approx(1 / 4)
    assert found.numbers["convergence_rate"] == pytest.approx(1 - 0.5 / 4, rel=1e-4)
    assert found.numbers["gradient_norm"] == pytest.approx(1.5, rel=1e-4)
    assert "chosen floor" in found.documents["convergence"]["about"]
    module.x.data.zero_()
    assert "Choose a lower floor" in probe.measure(moment_of(method, module, step=2)).notes[0][1]


def moment_of(method, module, step=1):
    return Moment(
        method, module, SimpleNamespace(batch_size=4), torch.device("cpu"), 0, step, 10, 0.1, 1.0, lambda: None
    )


def test_what_a_loss_draws_itself_is_drawn_again():
    module = torch.nn.Linear(2, 1)
    method = SimpleNamespace(
        batch=lambda number, generator: {"x": torch.randn(3, 2, generator=generator)},
        objectives=lambda module, batch: {"loss": (module(batch["x"]) + torch.randn(3, 1)).square().mean()},
    )
    with closure_of(moment_of(method, module), 2) as closure:
        first = [float(term().detach()) for term in closure.terms]
        torch.randn(7)
        assert [float(term().detach()) for term in closure.terms] == first and first[0] != first[1]
    with closure_of(moment_of(method, module), 2) as closure:
        assert [float(term().detach()) for term in closure.terms] == first


def test_a_method_without_a_split_of_its_loss_has_no_gauss_newton_matrix():
    module = torch.nn.Linear(2, 1)
    method = SimpleNamespace(
        batch=lambda number, generator: {}, objectives=lambda module, batch: {"loss": module.weight.sum()}
    )
    with (
        closure_of(moment_of(method, module), 1, matrix="ggn") as closure,
        pytest.raises(SagittalError, match="Ask for"),
    ):
        closure.terms[0]()
    method.outputs_and_loss = lambda module, batch: (module.weight, lambda outputs: 2 * outputs.sum())
    with (
        closure_of(moment_of(method, module), 1, matrix="ggn") as closure,
        pytest.raises(SagittalError, match="Ask for"),
    ):
        closure.terms[0]()


def test_modes_are_as_asked_inside_and_as_before_afterwards():
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2), torch.nn.Dropout())
    module[0].eval()
    method = SimpleNamespace(batch=lambda number, generator: {})
    for mode in ("train", "eval"):
        with closure_of(moment_of(method, module), 1, batch_norm=mode) as closure:
            assert module[1].training is (mode == "train") and not module[2].training
            assert closure.parts == {"0": 6, "1": 4}
        assert [part.training for part in module] == [False, True, True]
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(SagittalError, match="trains no parameter"), closure_of(moment_of(method, module), 1):
        pass


def test_memory_that_torch_cannot_get_is_a_sentence():
    with pytest.raises(RuntimeError) as failed:
        torch.empty(2**60, dtype=torch.int8)
    sentence, detail = explain(failed.value, "computing a spectrum")
    assert "memory was too small while computing a spectrum" in sentence and not detail


def test_weight_whose_sign_the_steps_do_not_settle_is_counted():
    found = {
        "ritz": [[-2.0, -1e-3, 5.0], [1e-4, 3.0]],
        "weights": [[0.1, 0.8, 0.1], [0.6, 0.4]],
        "residuals": [[0.5, 2e-3, 0.1], [1e-5, 0.2]],
    }
    # In the first row −0.001 lies within its residual of zero; in the second every sign is settled.
    assert _unresolved(found) == pytest.approx(0.4)
