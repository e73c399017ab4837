"""A numpy array out of a pickle, by walking its opcodes: nothing that the file names is imported, called or built.

A pickle is a program for a small stack machine, and loading one runs whatever it names. Here `pickletools.genops`
spells the program out, and of its instructions only those are followed that lay plain values on the stack. Where a
stored array calls something (numpy's `_reconstruct` and `dtype`, `_codecs.encode` for bytes in protocol 2,
`_frombuffer` in protocol 5) the call is noted as data and its meaning worked out below; every other name is refused.

Sources: Python's pickletools (the opcodes' meaning); numpy's `ndarray.__reduce__` and `dtype.__reduce__`, whose states
are (version, shape, dtype, is Fortran order, bytes) and (version, byte order, …).
"""

from __future__ import annotations

import os
import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from sagittal_engine.imaging.naming import quoted
from sagittal_engine.imaging.volume import Array, ImagingError

_MODULES = {
    "numpy.core.multiarray": "numpy",
    "numpy._core.multiarray": "numpy",
    "numpy.core.numeric": "numpy",
    "numpy._core.numeric": "numpy",
    "numpy": "numpy",
    "_codecs": "_codecs",
}
_NAMES = {"numpy._reconstruct", "numpy._frombuffer", "numpy.ndarray", "numpy.dtype", "_codecs.encode"}

_VALUES = {
    "BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
    "UNICODE", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8", "SHORT_BINSTRING", "BINSTRING", "STRING",
}  # fmt: skip
"""Opcodes that lay their argument on the stack."""

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IDLE = {"PROTO", "FRAME"}
_MARK = object()


@dataclass(frozen=True)
class _Name:
    """Something that the file names, as "numpy.dtype"; it stays a name."""

    name: str


@dataclass
class _Call:
    """A call that the file asks for, and the state it sets afterwards; neither is done."""

    name: str
    arguments: tuple[Any, ...]
    state: tuple[Any, ...] | None = None


class _Odd(Exception):
    """The file is something else than one stored array; the message says what."""


def read(path: Path) -> Array:
    """The array that the pickle `path` holds, in its own memory; raises `ImagingError` where it holds anything else."""
    try:
        with path.open("rb") as file:
            return _array(_Walk().result(_Held(file)))
    except _Odd as error:
        raise ImagingError(f"{path.name} is refused: {error} Nothing of it was run.") from error
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, AttributeError) as error:
        raise ImagingError(
            f"{path.name} is no stored array, or is damaged ({quoted(error)}). Copy it again."
        ) from error


class _Held:
    """A file that is never asked for more bytes than it holds, whatever length an instruction claims."""

    def __init__(self, file: BinaryIO) -> None:
        self._size = os.fstat(file.fileno()).st_size
        self._file = file
        self.readline, self.tell = file.readline, file.tell

    def read(self, count: int) -> bytes:
        return self._file.read(min(count, self._size - self._file.tell()))


class _Walk:
    """The stack machine, without any instruction that could run something."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memory: dict[int, Any] = {}

    def result(self, file: Any) -> Any:
        """What the program in `file` leaves on the stack."""
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name == "STOP":
                return self._stack.pop()
            self._step(opcode.name, argument)
        raise _Odd("it ends before its end mark.")

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _IDLE:
            return
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "TUPLE":
            at = len(stack) - 1 - stack[::-1].index(_MARK)
            stack[at:] = [tuple(stack[at + 1 :])]
        elif name in _TUPLES:
            count = _TUPLES[name]
            if len(stack) < count:
                raise IndexError("the stack is empty")
            stack[-count:] = [tuple(stack[-count:])]
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            self._name(argument)
        elif name == "REDUCE":
            arguments, called = stack.pop(), stack.pop()
            if not isinstance(called, _Name) or not isinstance(arguments, tuple):
                raise _Odd("it calls something that is no name.")
            stack.append(_Call(called.name, arguments))
        elif name == "BUILD":
            state = stack.pop()
            if not isinstance(stack[-1], _Call) or not isinstance(state, tuple):
                raise _Odd("it sets the state of something that is no array.")
            stack[-1].state = state
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memory[int(argument)] = stack[-1]
        elif name == "MEMOIZE":
            self._memory[len(self._memory)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self._memory[int(argument)])
        else:
            raise _Odd(f"it has the instruction {name}, which no stored array needs.")

    def _name(self, argument: str | None) -> None:
        if argument is None:
            attribute, module = self._stack.pop(), self._stack.pop()
        else:
            module, _, attribute = argument.partition(" ")
        short = f"{_MODULES.get(str(module), '')}.{attribute}"
        if short not in _NAMES:
            raise _Odd(f"it names {quoted(f'{module}.{attribute}')}, which no stored array needs.")
        self._stack.append(_Name(short))


def _array(found: Any) -> Array:
    """The array that the noted calls describe."""
    if not isinstance(found, _Call):
        raise _Odd("it holds no array.")
    if found.name == "numpy._frombuffer":
        data, dtype, shape, order = found.arguments
        fortran = order == "F"
    elif found.name == "numpy._reconstruct" and found.state is not None:
        _, shape, dtype, fortran, data = found.state
    else:
        raise _Odd("it holds no array.")
    kind, raw = _dtype(dtype), _bytes(data)
    sizes = tuple(int(size) for size in shape)
    if any(size < 0 for size in sizes) or int(np.prod(sizes, dtype=object)) * kind.itemsize != len(raw):
        raise _Odd(f"its array of shape {sizes} does not fit its {len(raw):,} bytes.")
    return np.frombuffer(raw, kind).reshape(sizes, order="F" if fortran else "C").copy(order="K")


def _dtype(found: Any) -> np.dtype[Any]:
    """A type of plain numbers; its state's second entry is the byte order."""
    if not isinstance(found, _Call) or found.name != "numpy.dtype":
        raise _Odd("its array has no type.")
    kind = np.dtype(str(found.arguments[0]))
    if kind.kind not in "iufb":
        raise _Odd(f"its array holds {quoted(kind)} values, not plain numbers.")
    order = found.state[1] if found.state is not None else "|"
    return np.dtype(f"{order}{kind.str[1:]}") if order in ("<", ">") else kind


def _bytes(found: Any) -> bytes:
    """The voxels: bytes, text of protocol 2 that stands for bytes, or the call that turns text into bytes."""
    if isinstance(found, _Call) and found.name == "_codecs.encode":
        text, coding = found.arguments
        if coding not in ("latin1", "latin-1"):
            raise _Odd("its bytes are written in an unknown way.")
        return _bytes(text)
    if isinstance(found, str):
        return found.encode("latin-1")
    if isinstance(found, bytes | bytearray):
        return bytes(found)
    raise _Odd("its array has no bytes.")
