"""Sagittal's engine: studies, images, training, evaluation. It knows no widget, and no method by name.

For notebooks, with the words of the command line: `from sagittal_engine import Study, train, segment, evaluate`. These
names are imported when first asked for, so that importing a part of the engine stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sagittal_engine.service.calls import evaluate, segment, train
    from sagittal_engine.study import Study

__all__ = ["Study", "evaluate", "segment", "train"]


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
