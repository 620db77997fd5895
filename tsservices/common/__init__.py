"""What every package may use, and what imports nothing of them.  Pure, but for L{logs}."""
