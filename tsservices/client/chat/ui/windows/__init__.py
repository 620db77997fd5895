"""The windows of the full screen, and the view that shows events in them."""
