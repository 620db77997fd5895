"""
The server that twistd runs: options, listeners, certificates, log and shutdown.  No other package
imports this one.
"""
