"""The storage in SQLite: one thread writes, one reads, one makes backups."""
