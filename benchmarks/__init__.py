"""Measured comparisons of what gpuplan predicts and proposes; see README.md."""

import os

# Before numpy is loaded: the fits' matrices are small, and threads that share busy cores make them 15 times as slow.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Benchmarks rest on the built-in offers alone, whatever whoever runs them has imported.
os.environ.setdefault("GPUPLAN_OFFERS_DIR", "none")
