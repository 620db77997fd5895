"""Test harnesses in memory, named after the code that they drive."""
