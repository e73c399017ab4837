"""Errors in methods that Qt calls are told like any other, and do not end the program.

Before Python 3.12 an error that comes from C code (an index beyond a list's end, say) is no object yet when it leaves a
method, and PySide 6.11 and 6.12, which look at errors of methods that they called, read it as one and crash. Whoever
catches an error makes it an object; so every method in which a class overrides one of Qt's catches, and raises again.
Later Pythons do not need it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from PySide6.QtCore import QObject

NEEDED = sys.version_info < (3, 12)
CALLED = {
    "addItem", "boundingRect", "columnCount", "count", "createEditor", "data", "dataChanged", "doItemsLayout",
    "event", "eventFilter", "filterAcceptsRow", "flags", "hasHeightForWidth", "headerData", "heightForWidth",
    "index", "itemAt", "lessThan", "mimeData", "minimumSize", "minimumSizeHint", "paint", "parent", "rowCount",
    "setData", "setEditorData", "setGeometry", "setModelData", "shape", "sizeHint", "takeAt",
}  # fmt: skip
"""What Qt calls, beside all that ends in "Event". Others, as slots, are called with as many arguments as they name,
which a wrapped one would no longer say; their errors do not come this way."""


def mend() -> None:
    """Mends the overriding methods of every class there is, ours or of a library, and of those to come. Once is enough,
    and again does no harm."""
    if not NEEDED or "__init_subclass__" in vars(QObject):
        return
    for cls in set(_below(QObject)):  # some are below it in two ways
        _mend(cls)

    def to_come(cls: type[QObject], **others: Any) -> None:
        super(QObject, cls).__init_subclass__(**others)
        _mend(cls)

    QObject.__init_subclass__ = classmethod(to_come)  # type: ignore[assignment]


def _below(cls: type) -> Iterator[type]:
    nearest: list[type] = cls.__subclasses__()
    for one in nearest:
        yield one
        yield from _below(one)


def _mend(cls: type) -> None:
    """Wraps what `cls` itself overrides of Qt."""
    if _is_qt(cls):
        return
    qt = [base for base in cls.__mro__ if _is_qt(base)]
    for name, method in list(vars(cls).items()):
        called = name in CALLED or name.endswith("Event")
        if called and isinstance(method, FunctionType) and any(name in vars(base) for base in qt):
            setattr(cls, name, _raising_objects(method))


def _is_qt(cls: type) -> bool:
    return cls.__module__.startswith("PySide6.")


def _raising_objects(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def called(*args: Any, **named: Any) -> Any:
        try:
            return method(*args, **named)
        except Exception:
            raise

    return called
