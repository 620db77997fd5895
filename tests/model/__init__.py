"""Random users, invariants and reference models for the tests of the chat."""
