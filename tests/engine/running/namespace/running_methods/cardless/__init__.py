"""A plugin without a card."""
