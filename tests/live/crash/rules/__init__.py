"""The rules of rooms and accounts a second time: an oracle for what a killed server kept."""
