"""The STAMP benchmark: the reflector compared with one in C."""
