"""A plugin that cannot be imported."""

raise ImportError("no module of that name, on purpose")
