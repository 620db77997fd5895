"""How what happens in the chat is written for IRC."""
