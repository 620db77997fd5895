"""The service of the chat: its parts, put together for one server or for a node of a cluster."""
