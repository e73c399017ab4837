"""Batches: every epoch a new order, a step's batch a function of (seed, step), subjects kept together."""

from __future__ import annotations

import pytest
import torch

from sagittal_engine.kit.sampling import Sampler, epoch_batches, subject_batches

ROWS = [list(range(0, 7)), list(range(7, 12)), list(range(12, 20)), list(range(20, 23)), [23]]


def subjects_of(batch: torch.Tensor) -> set[int]:
    return {next(s for s, rows in enumerate(ROWS) if index in rows) for index in batch.tolist()}


def test_an_epoch_takes_every_image_once() -> None:
    batches = epoch_batches(24, 6, seed=3, epoch=2)
    assert [len(batch) for batch in batches] == [6] * 4
    assert sorted(torch.cat(batches).tolist()) == list(range(24))


def test_what_is_left_over_changes_from_epoch_to_epoch() -> None:
    taken = [set(torch.cat(epoch_batches(23, 6, seed=0, epoch=e)).tolist()) for e in range(6)]
    assert all(len(images) == 18 for images in taken)
    assert len(set.union(*taken)) == 23


@pytest.mark.parametrize("subjects", [0, 2])
def test_a_steps_batch_depends_on_seed_and_step_alone(subjects: int) -> None:
    def sampler(seed: int) -> Sampler:
        return Sampler(24, 5, seed, rows=ROWS, subjects_per_batch=subjects)

    first = sampler(1)
    in_order = [first.indices(step).tolist() for step in range(1, 41)]
    for step in (40, 1, 17, 16, 33):
        assert sampler(1).indices(step).tolist() == in_order[step - 1]
        assert first.indices(step).tolist() == in_order[step - 1]
    assert [sampler(2).indices(step).tolist() for step in range(1, 41)] != in_order


def test_batches_keep_to_their_subjects_and_leave_none_out() -> None:
    for epoch in range(5):
        batches = subject_batches(ROWS, 2, 6, seed=0, epoch=epoch)
        assert all(len(subjects_of(batch)) <= 2 and len(batch) <= 6 for batch in batches)
        taken = torch.cat(batches).tolist()
        assert len(taken) == len(set(taken)) and set(range(23)) <= set(taken)


def test_a_group_is_cut_evenly() -> None:
    sizes = sorted(len(batch) for batch in subject_batches([list(range(13))], 1, 6, seed=0, epoch=0))
    assert sizes == [4, 4, 5]


def test_a_single_image_makes_no_batch_where_more_are_wanted() -> None:
    batches = subject_batches(ROWS, 1, 6, seed=0, epoch=0)
    assert 23 not in torch.cat(batches).tolist()
    with pytest.raises(ValueError, match="take more a batch"):
        subject_batches([[0], [1]], 1, 4, seed=0, epoch=0)


def test_more_images_a_batch_than_there_are_gives_all_of_them() -> None:
    assert sorted(Sampler(3, 128, 0).indices(7).tolist()) == [0, 1, 2]


def test_far_steps_are_reached_at_once() -> None:
    assert len(Sampler(100, 10, 0).indices(10**9)) == 10


@pytest.mark.parametrize("call", [
    lambda: epoch_batches(0, 1, 0, 0),
    lambda: epoch_batches(5, 6, 0, 0),
    lambda: subject_batches([], 1, 1, 0, 0),
    lambda: Sampler(5, 2, 0).indices(0),
])  # fmt: skip
def test_impossible_numbers_are_refused(call: object) -> None:
    with pytest.raises(ValueError, match=r"batch|steps are counted from 1"):
        call()  # type: ignore[operator]
