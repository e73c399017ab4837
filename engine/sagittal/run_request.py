"""Everything that determines a run: the form builds it, the command line reads it, `run.json` keeps it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class RunRequest(BaseModel):
    """A request to train one method on scans of the open study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    recipe: str | None = None
    """Named values the parameters start from; None takes the method's defaults."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Values that differ from the recipe."""
    scans: tuple[str, ...] = ()
    """Scan ids; empty means every scan of the study."""
    label_set: str = "truth"
    """The label set whose masks count as truth, for methods that look at any."""
    stop_at: int | None = Field(default=None, ge=0)
    """Step (from the run's beginning) to stop at; the schedule's length stays the recipe's."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    device: str = "auto"
    """"auto", "cpu", "cuda" or "cuda:N"."""
    probes: tuple[str, ...] = ()

    @classmethod
    def from_toml(cls, path: Path) -> RunRequest:
        """Reads a request from a TOML file whose keys are this class's fields."""
        return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))

    def differences(self, other: RunRequest) -> dict[str, tuple[Any, Any]]:
        """Fields, and single parameters, in which two requests differ: name → (mine, other's)."""
        mine, theirs = (self._flat(), other._flat())
        return {k: (mine.get(k), theirs.get(k)) for k in {**mine, **theirs} if mine.get(k) != theirs.get(k)}

    def _flat(self) -> dict[str, Any]:
        values = self.model_dump()
        return {**{k: v for k, v in values.items() if k != "parameters"}, **self.parameters}
