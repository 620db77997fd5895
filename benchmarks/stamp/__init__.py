"""The STAMP reflector beside one in C."""
