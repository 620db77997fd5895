"""
The command line client: the other end of each service.

C{python -m tsservices.client} is the interactive timestamp client, and
C{python -m tsservices.client talk} the other side of the talk service.
"""
