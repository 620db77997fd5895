"""The transports to a target: STAMP, ICMP echo, and the timestamp service over UDP and TCP."""
