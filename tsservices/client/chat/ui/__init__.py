"""The terminal interface of the chat client: prompt, full screen, completion, history."""
