"""gpuplan against exhaustive numpy search and plain CP-SAT, on named problems; see README.md one folder up."""
