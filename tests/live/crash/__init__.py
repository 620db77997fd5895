"""A chat server is killed again and again, and an oracle judges what it kept."""
