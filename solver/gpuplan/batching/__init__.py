"""Many jobs apart: from a file of jobs to a row each, in processes or on a Ray cluster, with a journal; and their summary."""
