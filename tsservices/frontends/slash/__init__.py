"""The slash commands, for the frontends whose people type them.  Pure."""
