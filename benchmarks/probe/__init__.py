"""The probe benchmark: the measuring client compared with irtt and ping."""
