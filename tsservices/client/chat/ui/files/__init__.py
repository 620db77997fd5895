"""The files of the chat client: what was typed, windows, settings, logs."""
