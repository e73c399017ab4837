"""The window: pages, viewers, plots. Knows no torch."""
