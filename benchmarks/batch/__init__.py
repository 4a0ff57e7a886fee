"""Batches: rate and memory of 1,000 jobs against single solves, equality with them, and runs that are killed."""
