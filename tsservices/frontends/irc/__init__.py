"""The IRC frontend: the rooms of the chat for every program that speaks IRC."""
