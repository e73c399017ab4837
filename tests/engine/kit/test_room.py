"""A step that does not fit into memory is told in a sentence, before it begins."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sagittal.engine_port import SagittalError
from sagittal_engine.kit.room import check_room, kept_bytes
from sagittal_engine.nets.image_encoders import build_image_encoder


def on_meta(make):
    with torch.device("meta"):
        return make()


def test_what_a_pass_keeps_is_counted_once_and_without_weights():
    network = on_meta(lambda: nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3)))
    # A linear layer keeps its input, and so do the images; what a ReLU gives is both its own and the next one's.
    assert kept_bytes(network, (11, 5)) == 4 * 11 * (5 + 7)


@pytest.mark.parametrize(("name", "shape"), [("small", (1, 32, 32)), ("small_3d", (1, 16, 16, 16))])
def test_it_grows_with_the_batch_and_computes_nothing(name, shape):
    before = torch.random.get_rng_state()
    encoder = on_meta(lambda: build_image_encoder(name, in_channels=1))
    one, many = (kept_bytes(encoder, (count, *shape)) for count in (4, 400_000))
    assert many > 90_000 * one
    assert torch.equal(torch.random.get_rng_state(), before)


def test_too_much_is_refused_in_words():
    check_room(1, "A step")
    with pytest.raises(SagittalError, match=r"A step keeps at least 1,000,000\.0 GB .* Lower 'batch_size'"):
        check_room(10**15, "A step")
