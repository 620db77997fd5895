"""The browser frontend of the chat: HTTP, a page, and WebSocket."""
