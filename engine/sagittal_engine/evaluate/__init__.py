"""Downstream protocols and their statistics. Import from the modules; this one stays empty and imports no torch."""
