"""The windows of the full screen, and what comes from the server in them."""
