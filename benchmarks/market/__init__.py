"""A market of 50,000 prices: how long it takes to import, and what a solve over it costs."""
