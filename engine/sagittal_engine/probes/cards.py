"""The probes there are, as data, and how a request names them. No torch."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.params import ParameterError, make
from sagittal.probe import ProbeCard, read_probe
from sagittal_engine.probes import curvature_cards, representation_cards, saliency_cards

if TYPE_CHECKING:
    from sagittal_engine.probes.probe import Probe

CARDS: tuple[ProbeCard, ...] = (*representation_cards.CARDS, saliency_cards.CARD, *curvature_cards.CARDS)


def probe_of(text: str) -> tuple[ProbeCard, Any]:
    """The card and the parameters that "name:key=value,…" asks for. Raises `SagittalError` with the nearest answer."""
    try:
        name, values = read_probe(text)
    except ValueError as error:
        raise SagittalError(str(error)) from error
    card = next((card for card in CARDS if card.name == name), None)
    if card is None:
        names = [card.name for card in CARDS]
        near = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else f" There are {', '.join(names) or 'none'}."
        raise SagittalError(f"There is no probe '{name}'.{hint}")
    try:
        return card, make(card.params, values)
    except ParameterError as error:
        raise SagittalError(f"Probe '{name}': {error}") from error


def make_probes(texts: Sequence[str]) -> list[Probe]:
    """The probes of a request, ready to measure; imports what they need."""
    made = []
    for text in texts:
        card, params = probe_of(text)
        module, _, name = card.implementation.partition(":")
        made.append(getattr(import_module(module), name)(params))
    return made
