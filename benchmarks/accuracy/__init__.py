"""Predictions of published, measured runs against what was measured."""
