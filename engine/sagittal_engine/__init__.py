"""Studies, images, training, evaluation and probes. Knows no widget, and no method by name."""
