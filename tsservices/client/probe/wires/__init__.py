"""How packets go to a target: STAMP, and the timestamp service over UDP and TCP."""
