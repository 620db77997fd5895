"""The terminal side of the chat client: the prompt that stays, completion, colours, history."""
