"""Notifications as text and as JSON, for all frontends and the terminal client.  Pure."""
