"""Plugins as the command line sees them: where they come from, whether they are trusted, and what is wrong."""

from __future__ import annotations

import importlib
import keyword
import pkgutil
import re
import string
import sys
import tempfile
import tomllib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from sagittal import __version__
from sagittal.engine_port import SagittalError
from sagittal_engine import trust
from sagittal_engine.registry import ENTRY_POINTS, NAMESPACE, card_of

TEMPLATE = "template"
SUFFIX = ".template"


@dataclass(frozen=True)
class Plugin:
    """One method's package, before or after its code was run."""

    name: str
    source: str
    """Where it comes from, in words."""
    module: str
    """Importable name of the package that defines CARD."""
    distribution: str = ""
    version: str = ""
    paths: tuple[str, ...] = ()
    """Folders to import it from, where it is not installed."""
    ours: bool = False
    """It is part of Sagittal, so there is nobody else to trust."""
    ok: bool = False
    passed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """The plugin as `--json` prints it."""
        return {
            "name": self.name,
            "source": self.source,
            "ok": self.ok,
            "problems": list(self.problems),
            "passed": list(self.passed),
        }

    @property
    def trusted(self) -> bool:
        return self.ours or trust.is_trusted(self.distribution, self.version)

    def remember_trust(self) -> None:
        trust.trust(self.distribution, self.version)

    def load(self) -> Plugin:
        """The plugin after reading its card; code that is not trusted is not run."""
        if not self.trusted:
            words = f"{self.distribution} {self.version} is not trusted yet, so its code was not run."
            return replace(self, problems=(f"{words} `sagittal plugin check {self.name}` asks you about it.",))
        try:
            self._card()
        except Exception as error:  # a broken plugin is a line, never an end
            return replace(self, problems=(_sentence(error),))
        return replace(self, ok=True)

    def check(self) -> Plugin:
        """The plugin after the common checks. Its code is run: ask for trust first."""
        from sagittal_engine.scaffold.rules import Trial, rules_for

        try:
            card = self._card()
        except Exception as error:  # as in `load`
            return replace(self, problems=(_sentence(error), *_where(error)))
        passed: list[str] = []
        problems: list[str] = []
        with tempfile.TemporaryDirectory(prefix="sagittal-") as folder:
            trial = Trial(card, self.module, self.paths, Path(folder))
            for rule in rules_for(card):
                try:
                    rule(trial)
                except Exception as error:  # as in `load`
                    problems += [_sentence(error), *_where(error)]
                else:
                    passed.append(" ".join((rule.__doc__ or rule.__name__).split()))
        return replace(self, ok=not problems, passed=tuple(passed), problems=tuple(problems))

    def _card(self) -> Any:
        for path in self.paths:
            if path not in sys.path:
                sys.path.insert(0, path)
        card = card_of(self.module)
        if card.name != self.name:
            raise SagittalError(f"The card is named '{card.name}', but its package offers it as '{self.name}'.")
        return card


def _sentence(error: Exception) -> str:
    """An error in one line; our own carry whole sentences already."""
    from sagittal_engine.scaffold.rules import Broken

    text = " ".join(str(error).split())
    return text if isinstance(error, SagittalError | Broken) else f"{type(error).__name__}: {text}"


def _where(error: Exception) -> tuple[str, ...]:
    """File and line of the plugin's own code that an error left last, where there is one."""
    ours = str(Path(__file__).parents[1])
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith((ours, "<"))]
    return (f"at {frames[-1].filename}, line {frames[-1].lineno}",) if frames else ()


def installed() -> list[Plugin]:
    """Every method of this installation by name; nothing of them is run."""
    return sorted([*_own(), *_foreign()], key=lambda plugin: plugin.name)


def _own() -> Iterator[Plugin]:
    for info in pkgutil.iter_modules(importlib.import_module(NAMESPACE).__path__):
        if info.ispkg and not info.name.startswith("_"):
            yield Plugin(info.name, f"Sagittal {__version__}", f"{NAMESPACE}.{info.name}", ours=True)


def _foreign() -> Iterator[Plugin]:
    for point in metadata.entry_points(group=ENTRY_POINTS):
        name, version = (point.dist.name, point.dist.version) if point.dist else ("", "")
        yield Plugin(point.name, f"{name} {version}", point.value.partition(":")[0], name, version)


def find(target: str) -> Plugin:
    """The installed method `target`, or the one of the package in folder `target`. Raises `SagittalError`."""
    known = {plugin.name: plugin for plugin in installed()}
    if target in known:
        return known[target]
    if Path(target).is_dir():
        return _in_folder(Path(target).resolve())
    names = ", ".join(known) or "none"
    raise SagittalError(f"'{target}' is neither an installed method ({names}) nor a folder with a package of one.")


def _in_folder(folder: Path) -> Plugin:
    """The method that a package's folder offers, read from its pyproject.toml."""
    file = folder / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
    except FileNotFoundError:
        raise SagittalError(f"{folder} holds no pyproject.toml, so it is no package of a method.") from None
    except ValueError as error:
        raise SagittalError(f"{file} is not valid: {error}. Mend it, then check again.") from error
    offered = project.get("entry-points", {}).get(ENTRY_POINTS, {})
    if len(offered) != 1:
        raise SagittalError(f'{file} must offer one method under [project.entry-points."{ENTRY_POINTS}"].')
    name, module = next(iter(offered.items()))
    paths = tuple(str(path) for path in (folder / "src", folder) if path.is_dir())
    package = project.get("name", folder.name)
    return Plugin(name, str(folder), module.partition(":")[0], package, str(project.get("version", "0")), paths)


def create(name: str, out: Path) -> Plugin:
    """Makes the package of a new method `name` in `out` and returns it.

    Raises `SagittalError` where the name will not do or the folder exists.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise SagittalError(f"'{name}' cannot name a method: take lower case letters, digits and underscores.")
    if name in {plugin.name for plugin in installed()}:
        raise SagittalError(f"There is a method '{name}' already. Choose another name.")
    folder = out / f"sagittal-{name.replace('_', '-')}"
    if folder.exists():
        raise SagittalError(f"{folder} exists already. Remove it, or choose another name or --out.")
    words = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "package": f"sagittal_{name}",
        "distribution": folder.name,
        "version": __version__,
    }
    for relative, text in _template(resources.files(__package__) / TEMPLATE):
        path = folder / string.Template(relative).substitute(words)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(string.Template(text).substitute(words), encoding="utf-8")
    return replace(_in_folder(folder.resolve()), ok=True)


def _template(folder: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """(relative path without the template's ending, text) of every file of the template."""
    for entry in sorted(folder.iterdir(), key=lambda found: found.name):
        if entry.is_dir():
            yield from _template(entry, f"{before}{entry.name}/")
        elif entry.name.endswith(SUFFIX):
            yield before + entry.name.removesuffix(SUFFIX), entry.read_text(encoding="utf-8")
