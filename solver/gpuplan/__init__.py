"""The cheapest GPU cluster, and the layout on it, that fine-tunes a model before a deadline, with proof."""

__version__ = "0.1.0"
