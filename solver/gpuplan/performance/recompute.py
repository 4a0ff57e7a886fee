"""Codes of the recompute decision."""

#: In the order of the memory they save.
RECOMPUTE = ("none", "selective", "full")
NONE, SELECTIVE, FULL = range(3)
