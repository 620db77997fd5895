"""Past messages: requests for them, their deletion, and read markers.  Pure."""
