"""What the clients share to read lines from terminals and pipes, and to write to them."""
