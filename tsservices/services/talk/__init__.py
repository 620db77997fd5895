"""The talk service: one operator and the people who connect."""
