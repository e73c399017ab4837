"""Networks that name a class: an encoder that gives maps, and a head."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from sagittal_engine.nets.image_encoder import ImageEncoder


class Head(nn.Module):
    """(N, C, h, w) → (N, classes): mean over places, hidden layers with a ReLU each, scores."""

    def __init__(self, channels: int, hidden: int, classes: int, *, layers: int = 1) -> None:
        super().__init__()
        inner: list[nn.Module] = []
        for layer in range(layers):
            inner += [nn.Linear(hidden if layer else channels, hidden), nn.ReLU()]
        self.hidden, self.scores = nn.Sequential(*inner), nn.Linear(hidden, classes)

    def project(self, maps: Tensor) -> Tensor:
        """The last hidden layer: (N, hidden)."""
        found: Tensor = self.hidden(maps.flatten(2).mean(2))
        return found

    def forward(self, maps: Tensor) -> Tensor:
        scores: Tensor = self.scores(self.project(maps))
        return scores


class Maps(nn.Module):
    """The last maps that an encoder of images gives of what `before` makes of the input."""

    def __init__(self, network: ImageEncoder, before: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.network, self.width = network, network.width
        self._before = before

    def forward(self, input: Tensor) -> Tensor:
        return self.network.maps(self._before(input) if self._before else input)


class Guesser(nn.Module):
    """(N, …) → scores (N, classes), by an encoder of images and a head as wide as its features."""

    def __init__(
        self, network: ImageEncoder, classes: int, *, before: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        super().__init__()
        self.encoder = Maps(network, before)
        self.head = Head(network.width, network.width, classes)

    def forward(self, input: Tensor) -> Tensor:
        scores: Tensor = self.head(self.encoder(input))
        return scores
