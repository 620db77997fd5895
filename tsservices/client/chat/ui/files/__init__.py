"""The files of the chat client: history, windows, settings, logs."""
