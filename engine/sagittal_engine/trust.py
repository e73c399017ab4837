"""Which distributions from outside may run code here: asked once, remembered by name and version.

A plugin is code of others with the user's rights. It is listed without running, and loaded only after the user said
that its source is trusted; a new version is asked about again.
"""

from __future__ import annotations

import json
import os
import re
from importlib import metadata
from pathlib import Path

from sagittal.engine_port import SagittalError

FILE = "trusted-plugins.json"


class NotTrusted(SagittalError):
    """A plugin from outside that nobody has trusted yet."""


def config_folder() -> Path:
    """Where the user's settings are kept; the environment variable SAGITTAL_CONFIG moves it."""
    given = os.environ.get("SAGITTAL_CONFIG")
    if given:
        return Path(given)
    from platformdirs import user_config_path

    return user_config_path("sagittal", appauthor=False)


def _key(name: str, version: str) -> str:
    return f"{re.sub(r'[-_.]+', '-', name).lower()}=={version}"


def _read() -> list[str]:
    try:
        found = json.loads((config_folder() / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return [str(key) for key in found.get("trusted", [])] if isinstance(found, dict) else []


def is_trusted(name: str, version: str) -> bool:
    """Whether the user has trusted this version of distribution `name`."""
    return _key(name, version) in _read()


def trust(name: str, version: str) -> None:
    """Remembers that this version of distribution `name` is trusted."""
    from sagittal_engine.store.atomic import write_json

    write_json(config_folder() / FILE, {"trusted": sorted({*_read(), _key(name, version)})})


def insist(point: metadata.EntryPoint) -> None:
    """Raises `NotTrusted` unless the distribution that offers `point` is trusted."""
    distribution = point.dist
    if distribution is None:
        raise NotTrusted(f"The method '{point.name}' comes from no installed package, so it is not loaded.")
    if not is_trusted(distribution.name, distribution.version):
        raise NotTrusted(
            f"The method '{point.name}' comes from {distribution.name} {distribution.version}, which is not trusted "
            f"yet, so its code was not run. `sagittal plugin check {point.name}` asks you about it."
        )
