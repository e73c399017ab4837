"""Measurements of a finished run, described as data: what forms offer and the port's tasks take."""

from __future__ import annotations

from dataclasses import dataclass

from sagittal.method import Recipe
from sagittal.params import Params


@dataclass(frozen=True)
class MeasureCard:
    """One thing that a run's checkpoint can be asked for."""

    name: str
    """"spectrum" (`RunPort.start_spectrum`), "embedding" (`start_embedding`), or a task of `start_evaluation`."""
    title: str
    summary: str
    params: type[Params]
    asked: tuple[str, ...] = ()
    """Names of the parameters that a form asks for, in order; empty for all. The others keep their defaults."""
    targets: tuple[str, ...] = ()
    """Values that the parameter "target" may always take, beside the study's meta labels; empty where it has none."""
    tests: bool = False
    """Whether scans to test on, and the label set that counts as their truth, may be chosen."""
    needs: tuple[str, ...] = ("pretext",)
    """Capabilities that the run's method must have."""
    recipes: tuple[Recipe, ...] = ()
    """Named values of its parameters."""
