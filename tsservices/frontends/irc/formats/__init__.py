"""The events of the chat, written for IRC."""
