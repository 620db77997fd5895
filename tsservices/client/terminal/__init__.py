"""Reading lines from terminals and pipes, and writing to them, for all clients."""
