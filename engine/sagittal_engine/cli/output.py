"""What a command prints: one JSON document or tables on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def plain(value: Any) -> Any:
    """`value` as JSON knows it: facts become objects, paths text, arrays lists; NaN and infinities become null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):
        return plain(value.model_dump())
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return plain(value.tolist())
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class Output:
    """The terminal of one command."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._stdout = sys.stdout

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Sends whatever libraries print while the command works to standard error, so that JSON stays one document."""
        with contextlib.redirect_stdout(sys.stderr):
            yield

    def give(self, document: Any, show: Callable[[Console], None]) -> None:
        """Prints `document` as JSON, or lets `show` print it for people."""
        if self.as_json:
            json.dump(plain(document), self._stdout, indent=2, ensure_ascii=False, allow_nan=False)
            self._stdout.write("\n")
        else:
            from rich.console import Console

            show(Console(file=self._stdout, highlight=False))
        self._stdout.flush()


def table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Prints aligned columns, never cut; a column whose title ends with ">" is set flush right."""
    from rich.text import Text

    titles = [column.rstrip(">") for column in columns]
    lines = [titles, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        cells = [
            cell.rjust(width) if column.endswith(">") else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ]
        console.print(Text("  ".join(cells).rstrip(), style="" if number else "bold"), soft_wrap=True)


def counted(number: int, one: str) -> str:
    """ "1 scan", "3 scans"."""
    return f"{number} {one if number == 1 else one + 's'}"


def interval(figure: Mapping[str, Any]) -> str:
    """A mean with its interval: "0.653 (0.61–0.69, n = 5)"."""
    mean, low, high, n = (figure.get(key) for key in ("mean", "low", "high", "n"))
    if mean is None or (isinstance(mean, float) and not math.isfinite(mean)):
        return "–"
    spread = f"{low:.2f}–{high:.2f}, " if low is not None and high is not None else ""
    return f"{mean:.3f} ({spread}n = {n})"


def duration(seconds: float) -> str:
    """ "45 s", "3 min 05 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
