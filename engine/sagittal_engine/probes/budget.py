"""A share of the training time, and what of it is left."""

from __future__ import annotations

from sagittal_engine.probes.probe import Moment


class Budget:
    """Lets a probe spend `percent` of the time that steps have taken since the run was last taken up."""

    def __init__(self, percent: float) -> None:
        self._share = percent / 100
        self._first: int | None = None
        self.spent = 0.0

    def begin(self, step: int) -> None:
        """Notes the first step of this sitting; later calls change nothing."""
        if self._first is None:
            self._first = step

    def left(self, moment: Moment) -> float:
        """Seconds that may be spent now; below zero where more was spent than earned."""
        made = moment.step - (self._first or 0)
        trained = moment.seconds * made / moment.step if moment.step else 0.0
        return self._share * trained - self.spent
