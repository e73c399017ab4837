"""Sagittal's engine: studies, images, training, evaluation. It knows no widget, and no method by name.

For notebooks, with the words of the command line: `from sagittal_engine import Study, train, segment, evaluate, adapt,
spectrum`. These names are imported when first asked for, so that importing a part of the engine stays cheap.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# OpenMP reads this once, when torch is first imported. By default its threads spin while they wait for one another:
# with anything else busy on the machine (the window, say) they burn the cores that the awaited ones need. Measured on
# two busy cores, a small network's step took 3.5 times as long; on idle ones sleeping costs next to nothing.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from sagittal_engine.service.calls import adapt, evaluate, segment, spectrum, train
    from sagittal_engine.study import Study

__all__ = ["Study", "adapt", "evaluate", "segment", "spectrum", "train"]


def __getattr__(name: str) -> Any:
    """Imports a public name's home when the name is first asked for."""
    if name == "Study":
        from sagittal_engine.study import Study

        return Study
    if name == "evaluate":
        # The package of that name, which can be called as the function.
        return importlib.import_module("sagittal_engine.evaluate")
    if name in __all__:
        from sagittal_engine.service import calls

        return getattr(calls, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
