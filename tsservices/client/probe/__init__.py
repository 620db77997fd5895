"""
The measuring client: C{tsservices probe}.

C{run} is the whole program.  Its C{session} has a C{schedule} for each C{target}, which
sends by one of the C{wires}; the C{reports} print the results.
"""
