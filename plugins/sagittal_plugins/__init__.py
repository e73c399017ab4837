"""One folder per method; found by looking."""
