"""The slash commands, for frontends whose users type commands.  Pure."""
