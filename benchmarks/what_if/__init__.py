"""Sweeps and frontiers: seconds against single solves, every breakpoint asked again, and what a grid misses."""
