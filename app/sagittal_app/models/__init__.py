"""Display state folded from facts and events."""
