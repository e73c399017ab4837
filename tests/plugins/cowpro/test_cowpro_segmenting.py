"""Segmenting: both protocols, equality with the plain way, options, what is remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sagittal.method import Support
from sagittal_engine.kit.one_shot import chunk_of, support_slices
from sagittal_plugins.cowpro.masks import largest_component
from sagittal_plugins.cowpro.method import CoWPro
from sagittal_plugins.cowpro.prototypes import class_score, global_prototype, local_prototypes
from sagittal_plugins.cowpro.rules import preparation

Build = Callable[..., CoWPro]
RANGES = {"left": (1, 6), "right": (2, 7)}


def supports_of(scan: Any) -> list[Support]:
    return [
        Support(scan, support_slices(*ends), {label: scan.labels()[label]}, {label: ends})
        for label, ends in RANGES.items()
    ]


@pytest.fixture
def trained(method: Build) -> tuple[CoWPro, torch.nn.Module]:
    """A few steps suffice in this world."""
    made = method()
    torch.manual_seed(0)
    module = made.module().train()
    optimiser = torch.optim.SGD(module.parameters(), 1e-2, momentum=0.9)
    for step in range(25):
        objectives = made.objectives(module, made.batch(step, torch.Generator().manual_seed(step)))
        optimiser.zero_grad()
        torch.stack(list(objectives.values())).sum().backward()
        optimiser.step()
    return made, module


def overlap(masks: Mapping[str, Any], scan: Any, label: str) -> float:
    a, b = masks[label], scan.labels()[label]
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_both_protocols_find_the_organs(trained: tuple[CoWPro, torch.nn.Module], make_scan: Any) -> None:
    made, module = trained
    support, query = make_scan(5), make_scan(6)
    published = made.segment(module, supports_of(support), query, ranges=RANGES)
    deployed = made.segment(module, supports_of(support), query)
    assert module.training
    for label, (first, last) in RANGES.items():
        assert overlap(published.masks, query, label) > 0.6
        assert overlap(deployed.masks, query, label) > 0.5
        mask, confidence = published.masks[label], published.confidence[label]
        assert mask.shape == query.image().shape and mask.dtype == bool
        assert not mask[:, :, :first].any() and not mask[:, :, last + 1 :].any()
        looked_at = np.flatnonzero(~np.isnan(confidence))
        assert looked_at.tolist() == list(range(first, last + 1))
        assert ((confidence[looked_at] >= 0) & (confidence[looked_at] <= 1)).all()


@torch.no_grad()
def slow(made: CoWPro, module: torch.nn.Module, support: Any, query: Any, label: str) -> np.ndarray:
    """Organ by organ and slice by slice with the public functions."""
    prepared, other = (preparation(made.params).prepare(scan) for scan in (query, support))
    first, last = RANGES[label]
    slices = support_slices(first, last)
    margin = np.full(prepared.slices.shape, -20.0, np.float32)
    for z in range(first, last + 1):
        k = chunk_of(z, first, last)
        image = torch.from_numpy(other.native_slices(support, [slices[k]]))[None]
        share = torch.from_numpy(other.native_masks(support.labels()[label], [slices[k]]))[None]
        features, pixels = module(image)[0], module(torch.from_numpy(prepared.slices[z])[None, None])[0]
        mask = F.interpolate(share, size=(32, 32), mode="bilinear", align_corners=False)[0, 0]
        scores = []
        for front, weight in ((True, mask), (False, 1 - mask)):
            local = local_prototypes(features, weight, window=2, threshold=0.95)
            whole = [global_prototype(features, weight)] if front or len(local) == 0 else []
            scores.append(class_score(pixels, torch.cat([local, *whole])))
        small = (scores[0] - scores[1])[None, None]
        margin[z] = F.interpolate(small, size=(128, 128), mode="bilinear", align_corners=False)[0, 0].numpy()
    return prepared.frame.backward(margin, -20.0)


def test_all_at_once_equals_slice_by_slice_and_organ_by_organ(method: Build, make_scan: Any) -> None:
    made = method(prepare=False)
    torch.manual_seed(3)
    module = made.module().eval()
    support, query = make_scan(5), make_scan(6)
    together = made.segment(module, supports_of(support), query, ranges=RANGES)
    for label, (first, last) in RANGES.items():
        margin = slow(made, module, support, query, label)
        clear = np.abs(margin) > 1e-3
        clear[:, :, :first] = clear[:, :, last + 1 :] = False
        assert clear.sum() > 1000
        assert np.array_equal(together.masks[label][clear], (margin > 0)[clear])


def test_labels_that_share_a_support_give_the_same(trained: tuple[CoWPro, torch.nn.Module], make_scan: Any) -> None:
    made, module = trained
    support, query = make_scan(5), make_scan(6)
    slices = (2, 4, 6)
    apart = [Support(support, slices, {label: support.labels()[label]}, {label: RANGES[label]}) for label in RANGES]
    joint = [Support(support, slices, support.labels(), RANGES)]
    a, b = (made.segment(module, supports, query) for supports in (apart, joint))
    for label in RANGES:
        assert np.array_equal(a.masks[label], b.masks[label])


def test_a_support_without_ranges_implies_them(trained: tuple[CoWPro, torch.nn.Module], make_scan: Any) -> None:
    made, module = trained
    support, query = make_scan(5), make_scan(6)
    bare = [Support(support, support_slices(*RANGES["left"]), {"left": support.labels()["left"]})]
    assert overlap(made.segment(module, bare, query).masks, query, "left") > 0.5


def test_supports_are_remembered_until_the_network_changes(
    trained: tuple[CoWPro, torch.nn.Module], make_scan: Any
) -> None:
    made, module = trained
    supports, query = supports_of(make_scan(5)), make_scan(6)
    made.segment(module, supports, query)
    first = made._memory
    made.segment(module, supports, make_scan(7))
    assert made._memory is first
    with torch.no_grad():
        next(module.parameters()).mul_(1.5)
    made.segment(module, supports, query)
    assert made._memory is not first
    second = made._memory
    made.segment(module, supports_of(make_scan(5)), query)
    assert made._memory is not second


def test_thin_slices_come_back_on_their_own_grid(method: Build, make_scan: Any) -> None:
    made = method(prepare=False)
    torch.manual_seed(0)
    module = made.module()
    query = make_scan(6)
    thin = type("Thin", (), {"id": "thin", "subject": "", "meta": {}, "spacing": (3.3, 3.3, 2.0)})()
    thin.image = lambda: np.repeat(query.image(), 4, axis=2)
    thin.labels = dict
    found = made.segment(module, supports_of(make_scan(5)), thin, ranges={"left": (5, 26)})
    assert found.masks["left"].shape == (96, 96, 36)
    assert np.flatnonzero(found.masks["left"].any((0, 1))).min() >= 5
    assert not found.masks["right"].any() and np.isnan(found.confidence["right"]).all()
    assert made.segment(module, supports_of(make_scan(5)), thin).masks["left"].shape == (96, 96, 36)


def test_quadrants_empty_what_they_do_not_keep(trained: tuple[CoWPro, torch.nn.Module], make_scan: Any) -> None:
    made, module = trained
    kept = np.array([[True, False], [False, False]])
    found = made.segment(
        module, supports_of(make_scan(5)), make_scan(6), ranges=RANGES, quadrants={"left": kept}
    ).masks["left"]
    assert not found[48:].any() and not found[:, 48:].any() and found[:48, :48].any()
    with pytest.raises(ValueError, match="published"):
        made.segment(module, supports_of(make_scan(5)), make_scan(6), quadrants={"left": kept})
    with pytest.raises(ValueError, match=r"\(3,\)"):
        made.segment(
            module, supports_of(make_scan(5)), make_scan(6), ranges=RANGES, quadrants={"left": np.ones(3, bool)}
        )


def test_a_support_that_shows_nothing_is_named(method: Build, make_scan: Any) -> None:
    made = method(prepare=False)
    scan = make_scan(5)
    with pytest.raises(ValueError, match=r"'left'.*\(8,\).*scan5"):
        made.segment(made.module(), [Support(scan, (8,), {"left": scan.labels()["left"]})], make_scan(6))
    with pytest.raises(ValueError, match="support"):
        made.segment(made.module(), [], make_scan(6))


def test_the_largest_component_is_kept() -> None:
    mask = np.zeros((6, 6, 6), bool)
    mask[0:3, 0:3, 0:3], mask[4:6, 4:6, 4:6] = True, True
    assert largest_component(mask).sum() == 27 and largest_component(mask)[0, 0, 0]
    assert not largest_component(mask & False).any()
