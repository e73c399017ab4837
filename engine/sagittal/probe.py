"""Probes: measurements taken between two steps of a run, described as data. A probe never changes the training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagittal.panels import Panel
from sagittal.params import Params


@dataclass(frozen=True)
class ProbeCard:
    """A probe as forms and the command line show it; its class is imported only when a run asks for it."""

    name: str
    title: str
    summary: str
    params: type[Params]
    implementation: str
    """"package.module:Class", called with the parameters."""
    panels: tuple[Panel, ...] = ()
    """Plots the probe feeds, shown after the method's own."""
    needs: tuple[str, ...] = ()
    """Capabilities a method must have for it, as "representation"."""


def read_probe(text: str) -> tuple[str, dict[str, str]]:
    """The name and values of "name" or "name:key=value,key=value".

    Raises ValueError where a value has no name.
    """
    name, _, rest = text.partition(":")
    values: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in rest.split(","))):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"A probe is written name:key=value,key=value; '{part}' in '{text}' has no name or value.")
        values[key.strip()] = value.strip()
    return name.strip(), values


def split_probes(text: str) -> list[str]:
    """The probes of a list as "spectrum:every=100,steps=50,geometry": a comma before key=value stays inside a probe."""
    found: list[str] = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        if found and "=" in part and ":" not in part.partition("=")[0]:
            found[-1] += f",{part}"
        else:
            found.append(part)
    return found


def write_probe(name: str, values: Mapping[str, Any]) -> str:
    """The text that `read_probe` reads; values equal to a default may be left out by the caller."""
    return name + (":" + ",".join(f"{key}={value}" for key, value in values.items()) if values else "")
