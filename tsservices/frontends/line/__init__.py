"""The line frontend of the chat, for nc, telnet and programs."""
