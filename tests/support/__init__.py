"""Harnesses in memory, named by what they drive."""
