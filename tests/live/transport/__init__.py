"""The fast transports against Twisted's own, by random scripts and by Twisted's test suite."""
