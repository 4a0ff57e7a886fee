"""Head to head with the other tools that answer the same question."""
