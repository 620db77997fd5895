"""Nodes and brokers that are killed, frozen and cut off, and an oracle that judges all nodes."""
