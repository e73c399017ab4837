"""Live geometry, k-NN and maps: bit-identical training, what is published, and what is said where data are missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from probed_study import masks_of

from sagittal.events import MessageRaised, TaskFinished
from sagittal_engine.evaluate.knn import knn_scores
from sagittal_engine.probes.embedding import pca, tsne
from sagittal_engine.store.encoder import load_weights

PROBES = ("geometry:every=2,images=20", "knn:every=3,k=5", "embedding:steps=0 3,images=12")


def messages(workshop, run):
    return [(e.level, e.text) for e in workshop.events if isinstance(e, MessageRaised) and e.source == run]


def documents(record, panel):
    rows = [row for row in record.previews if row["panel"] == panel]
    return {row["step"]: json.loads(Path(row["path"]).read_text()) for row in rows}


def test_training_is_bit_identical_with_the_probes_on_and_off(workshop):
    plain, watched = workshop.train(), workshop.train(probes=PROBES)
    assert plain.metrics["loss"] == watched.metrics["loss"] and len(plain.metrics["loss"][0]) == 6
    runs = workshop.study.runs_folder
    one, other = (load_weights(runs / record.facts.folder / "encoder") for record in (plain, watched))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_geometry_and_accuracy_are_measured_before_the_first_step_and_after(workshop):
    record = workshop.train(probes=PROBES)
    metrics = record.metrics
    for name in (
        "alignment", "uniformity", "uniformity_all_pairs", "inter_class_uniformity",
        "tolerance", "tolerance_unconditional", "tolerance_dystress",
    ):  # fmt: skip
        assert metrics[name][0] == [0, 2, 4, 6], name
    assert metrics["tolerance_dystress"][1] == pytest.approx([10 * v for v in metrics["tolerance_unconditional"][1]])
    assert metrics["knn_accuracy"][0] == metrics["knn_chance"][0] == [0, 3, 6]
    assert all(0 <= value <= 1 for value in metrics["knn_accuracy"][1])
    similarity = documents(record, "similarity")
    assert list(similarity) == [0, 2, 4, 6]
    counts = similarity[0]["counts"]
    assert sum(counts["positive"]) == 20 and len(similarity[0]["edges"]) == len(counts["positive"]) + 1
    # Some images are of the scan without labels: pairs with them are of no class.
    pairs = sum(counts["same class"]) + sum(counts["different class"])
    assert 0 < pairs <= 190 and similarity[0]["curve"] == {"name": "temperature", "x": [-1, 0, 1], "y": [0.2, 0.1, 0.2]}
    notes = messages(workshop, record.facts.run)
    assert [level for level, text in notes if "Geometry is measured on projections of 20 images of" in text] == ["info"]
    assert any("12 images of 2 subjects kept from training, by 36 images of 6 subjects" in text for _, text in notes)


def test_live_accuracy_is_that_of_the_held_out_subjects(workshop):
    """Recomputed from the first weights, by hand."""
    from representing_methods.patches import PatchesParams
    from representing_methods.patches.method import Patches

    from sagittal_engine.data import scans_of
    from sagittal_engine.loop import first_module

    record = workshop.train(probes=("knn:k=5",), steps=0)
    ids = [scan.scan for scan in workshop.study.facts().scans]

    class Context:
        scans = scans_of(workshop.study, ids, "truth")

    method = Patches(PatchesParams(), Context())
    method.prepare()
    module = first_module(method, 0, torch.device("cpu")).eval()
    with torch.no_grad():
        sides = [method.features(module, side.images) for side in (method.training_set(), method.held_out_set())]
    names, labels = method.training_set().classes("labels")
    known = labels >= 0
    guess = knn_scores(sides[0][known], labels[known], sides[1], k=5).argmax(1).tolist()
    right = [names[g] == t for g, t in zip(guess, method.held_out_set().targets["labels"], strict=True)]
    assert record.metrics["knn_accuracy"] == ([0], [pytest.approx(sum(right) / 12)])
    assert names == ("back", "back+front", "front", "none") and masks_of(1)["front"].any()


def test_maps_are_drawn_at_the_chosen_steps_and_at_the_end(workshop):
    record = workshop.train(probes=PROBES)
    maps = documents(record, "embedding")
    assert list(maps) == [0, 3, 6]
    drawn = maps[6]
    assert len(drawn["x"]) == len(drawn["y"]) == len(drawn["classes"]) == len(drawn["scans"]) == 12
    assert max(drawn["classes"]) < len(drawn["names"]) and "PCA" in drawn["about"] and "12 images" in drawn["about"]
    assert maps[0]["scans"] == drawn["scans"] and maps[0]["x"] != drawn["x"]


@pytest.mark.parametrize("kind", ["pca", "tsne"])
def test_a_map_of_a_finished_run_is_drawn_on_demand(workshop, kind):
    run = workshop.train(steps=2).facts.run
    parameters = {"kind": kind, "images_of": "held-out", "target": "site"}
    found = workshop.result(workshop.engine.start_embedding(run, parameters=parameters))
    assert found["run"] == run and found["step"] == 2 and len(found["x"]) == 12 and found["names"] == ["north", "south"]
    assert documents(workshop.engine.run(run), "embedding")[2]["x"] == found["x"]
    again = workshop.result(workshop.engine.start_embedding(run, parameters=parameters))
    assert again["x"] == found["x"]


def test_a_map_that_cannot_be_drawn_says_why(workshop):
    run = workshop.train(steps=2).facts.run
    for change, words in (
        ({"checkpoint": "40"}, "no checkpoint 'step-00000040.pt'"),
        ({"checkpoint": "newest"}, "last, best, or by its step; got 'newest'"),
        ({"parameters": {"target": "scanner"}}, "no target 'scanner'; there are labels, one, quartile, site"),
        ({"parameters": {"kind": "umap"}}, "'kind' must be one of pca, tsne"),
    ):
        end = workshop.wait(workshop.engine.start_embedding(run, **change))
        assert isinstance(end, TaskFinished) and words in end.error and not end.detail, end


@pytest.mark.parametrize(
    ("parameters", "probe", "words", "missing"),
    [
        ({"held_out": 0}, "knn", "No subject is held out", "knn_accuracy"),
        ({"label_target": "one"}, "knn", "'one' is 'same' in every training image", "knn_accuracy"),
        ({}, "knn:target=scanner", "no target 'scanner'", "knn_accuracy"),
        ({"label_target": "one"}, "geometry", "'one' is 'same' everywhere", "tolerance"),
        ({}, "geometry:target=scanner", "no target 'scanner'", "tolerance"),
        ({"held_out": 0}, "geometry:images_of=held-out", "No subject is held out", "alignment"),
    ],
)
def test_what_cannot_be_measured_is_said_once_and_the_run_goes_on(workshop, parameters, probe, words, missing):
    record = workshop.train(probes=(probe,), **parameters)
    said = [text for level, text in messages(workshop, record.facts.run) if level == "warning"]
    assert len(said) == 1 and words in said[0], said
    assert missing not in record.metrics and record.state.step == 6


def test_alignment_needs_no_labels(workshop):
    record = workshop.train(probes=("geometry:target=scanner,space=features",))
    assert record.metrics["alignment"][0] == [0, 6]
    counts = documents(record, "similarity")[6]["counts"]
    assert sum(counts["positive"]) == 42 and not sum(counts["same class"]) + sum(counts["different class"])


def test_pca_turns_points_onto_their_longest_axes():
    points = torch.tensor([[0.0, 0, 3], [0, 0, -3], [0, 1, 0], [0, -1, 0]], dtype=torch.float64)
    found, about = pca(points)
    assert torch.allclose(found, torch.tensor([[3.0, 0], [-3, 0], [0, 1], [0, -1]]).double(), atol=1e-12)
    assert about == "PCA (100 % of the variance)"
    assert pca(torch.ones(4, 1, dtype=torch.float64))[0].shape == (4, 2)


def test_tsne_keeps_groups_together():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(40, 5, generator=generator).double() * 0.05
    points[20:, 0] += 3
    found, about = tsne(points, 8, 0)
    one, other = found[:20].mean(0), found[20:].mean(0)
    assert (one - other).norm() > 2 * found[:20].std() and about == "t-SNE (perplexity 8)"
