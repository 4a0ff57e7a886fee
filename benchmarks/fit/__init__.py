"""Fit the constants of the performance model on published, measured runs, and report its errors."""
