"""The storage in SQLite: one thread writes, two read, one makes backups."""
