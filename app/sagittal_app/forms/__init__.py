"""Parameter kinds turned into controls."""
