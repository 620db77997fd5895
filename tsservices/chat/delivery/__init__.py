"""The recipients of deliveries, and ways to write to many of them at once."""
