"""What was said before: asking for it, deleting of it, and up to when it was read.  Pure."""
