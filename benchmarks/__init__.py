"""Quality, speed and acceptance programs of Footnote; each runs as ``python -m benchmarks.NAME``."""
