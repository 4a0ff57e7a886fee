"""Fleets: how fast and how well they are scheduled, and what people do instead."""
