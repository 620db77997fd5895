"""The IRC frontend: the rooms of the chat for IRC clients."""
