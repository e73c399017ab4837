"""Evaluation protocols and statistics.

The package is also the function of that name: `from sagittal_engine import evaluate; evaluate(study, run=…)` is the
command line's `evaluate` (see `sagittal_engine.service.calls.evaluate`). A package's attribute and its submodule share
one name, so the module itself is made callable.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Evaluate(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from sagittal_engine.service.calls import evaluate

        return evaluate(*args, **kwargs)


sys.modules[__name__].__class__ = _Evaluate
